import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Keeps the chosen programs where the stack and the tests look them up; a program that was not chosen again stays. */
export async function writeTools(root, tools) {
  const folder = join(root, 'node_modules', '.cache', 'storewright')
  const file = join(folder, 'tools.json')
  const making = `${file}.${process.pid}`
  await mkdir(folder, { recursive: true })
  const chosen = { ...(await chosenBefore(file)), ...JSON.parse(JSON.stringify(tools)) }
  await writeFile(making, JSON.stringify(chosen, null, 2))
  await rename(making, file)
}

async function chosenBefore(file) {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch {
    return {}
  }
}
