import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Keeps the chosen programs where the stack and the tests look them up. */
export async function writeTools(root, tools) {
  const folder = join(root, 'node_modules', '.cache', 'storewright')
  const file = join(folder, 'tools.json')
  const making = `${file}.${process.pid}`
  await mkdir(folder, { recursive: true })
  await writeFile(making, JSON.stringify(tools, null, 2))
  await rename(making, file)
}
