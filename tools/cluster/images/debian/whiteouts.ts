import { lstat, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

interface Overlay {
  /** The layer below. */
  lower: string
  /** What was changed, as the overlay keeps it. */
  upper: string
  /** Both together, as they are mounted. */
  root: string
}

/** Paths of the layer below that are no longer there; found by looking, whichever way the overlay keeps them. */
export async function removedFrom({ lower, upper, root }: Overlay): Promise<string[]> {
  const changed = await readdir(upper, { recursive: true, withFileTypes: true })
  const folders = changed.filter((entry) => entry.isDirectory())
  const paths = folders.map(({ parentPath, name }) => join(parentPath, name).slice(upper.length))
  const removed: string[] = []
  for (const path of ['', ...paths]) {
    const below = await readdir(join(lower, path)).catch(() => [])
    for (const name of below)
      if (!(await exists(join(root, path, name)))) removed.push(join(path, name))
  }
  return removed
}

/** Says in a layer what is not to be seen of those below, in the form images have for it. */
export async function markRemoved(path: string): Promise<void> {
  await rm(path, { force: true })
  await writeFile(join(dirname(path), `.wh.${basename(path)}`), '')
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
