import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder of its own for one test; `await using` removes it with all it holds. */
export async function tempFolder(name = 'storewright-') {
  const path = await mkdtemp(join(tmpdir(), name))
  // Some programs run as another user than the test and have to get in.
  await chmod(path, 0o755)
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  }
}
