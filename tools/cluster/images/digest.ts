import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Of names and contents of files, twelve hex digits; `more` is what else decides the outcome. */
export async function digestOf(folder: string, paths: string[], more = ''): Promise<string> {
  const hash = createHash('sha256').update(more)
  for (const path of paths.toSorted())
    hash.update(`${path}\0`).update(await readFile(join(folder, path)))
  return hash.digest('hex').slice(0, 12)
}
