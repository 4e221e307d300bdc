import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { holderOf, takeLock } from '../../embedded/processes/lock-file.js'

export { identityOf } from '../../embedded/processes/lock-file.js'

const POLL_EVERY_MS = 50
const lockIn = (folder: string): string => join(folder, 'owner')

/** Makes this process the only one that runs the cluster in `folder`; throws when another one does. */
export async function own(
  folder: string,
  what = `A cluster runs in ${folder} already`,
): Promise<{ release: () => Promise<void> }> {
  const lock = takeLock(lockIn(folder))
  if ('holder' in lock) throw new Error(`${what} (pid ${lock.holder})`)
  return { release: async () => lock.release() }
}

/** The process that runs the cluster in `folder`, if one does. */
export async function ownerOf(folder: string): Promise<number | undefined> {
  return holderOf(lockIn(folder))
}

/** Sends `signal` to the process that runs the cluster; false when it still runs after that time. */
export async function endOwner(folder: string, signal: NodeJS.Signals, timeoutMs: number) {
  const pid = await ownerOf(folder)
  if (pid === undefined) return true
  process.kill(pid, signal)
  const giveUpAt = Date.now() + timeoutMs
  while (Date.now() < giveUpAt) {
    if ((await ownerOf(folder)) !== pid) return true
    await wait(POLL_EVERY_MS)
  }
  return false
}
