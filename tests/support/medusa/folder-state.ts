import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Everything in a folder with what changes when it is written to: a second look tells what was. */
export async function folderState(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true })
  const state = new Map<string, string>()
  for (const path of entries) {
    const { size, mtimeMs } = await lstat(join(folder, path))
    state.set(path, `${size} ${mtimeMs}`)
  }
  return state
}

/** The paths that are new, gone or different since `before`. */
export async function writtenSince(folder: string, before: Map<string, string>): Promise<string[]> {
  const now = await folderState(folder)
  const paths = new Set([...before.keys(), ...now.keys()])
  return [...paths].filter((path) => before.get(path) !== now.get(path)).toSorted()
}
