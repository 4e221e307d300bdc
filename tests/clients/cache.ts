import { createHash } from 'node:crypto'
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cacheFolder } from '../../embedded/tools.ts'

/** A folder of the user's cache, named after what it is made from: made once, whole or not at all. */
export function cached(name: string, from: string[]) {
  const digest = createHash('sha256').update(from.join('\0')).digest('hex').slice(0, 12)
  const path = join(cacheFolder(process.env), `${name}-${digest}`)
  return {
    path,
    isMade: () => exists(path),
    /** Calls `make` with an empty folder beside it, unless it is there. */
    made: async (make: (folder: string) => Promise<void>): Promise<string> => {
      if (await exists(path)) return path
      await mkdir(dirname(path), { recursive: true })
      const making = await mkdtemp(`${path}.making-`)
      try {
        await make(making)
        await rename(making, path)
      } catch (error) {
        // Another run may have been faster.
        if (!(await exists(path))) throw error
      } finally {
        await rm(making, { recursive: true, force: true })
      }
      return path
    },
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
