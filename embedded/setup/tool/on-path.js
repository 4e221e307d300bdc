import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { systemEnv } from '../run.js'

/** Every executable called `name` on the system's PATH, first one first. */
export async function onPath(name) {
  const found = []
  for (const folder of systemEnv().PATH.split(':').filter(isAbsolute)) {
    const path = join(folder, name)
    if (await isExecutable(path)) found.push(path)
  }
  return found
}

async function isExecutable(path) {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
