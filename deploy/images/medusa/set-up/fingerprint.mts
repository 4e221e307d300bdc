import { createHash } from 'node:crypto'
import { glob, readFile } from 'node:fs/promises'

const FILES = ['package.json', 'package-lock.json', 'medusa-config.js', 'src/**/*.js']

/** Names what a set-up depends on: the packages, the configuration and the scripts of this image. */
export async function fingerprint(): Promise<string> {
  const hash = createHash('sha256')
  const paths = await Array.fromAsync(glob(FILES))
  for (const path of paths.toSorted()) hash.update(`${path}\0`).update(await readFile(path))
  return hash.digest('hex').slice(0, 16)
}
