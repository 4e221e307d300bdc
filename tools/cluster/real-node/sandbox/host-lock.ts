import { mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { identityOf, own } from '../../owner.ts'
import { removeCgroups } from './cgroups.ts'
import { removeVeth } from './network.ts'

/** One for the host: addresses, the veth pair and cgroups have fixed names, so only one sandbox can use them. */
const FOLDER = '/run/storewright-node'
const record = join(FOLDER, 'sandbox.json')
const POLL_EVERY_MS = 25
const ENDING_TIMEOUT_MS = 10_000
const sandbox = z.object({ pid: z.int(), identity: z.string() })

export interface HostLock {
  /** Records the process that a later start has to end in case this one is killed. */
  note: (pid: number) => Promise<void>
  /** Removes what the sandbox has left on the host, then the lock. */
  release: () => Promise<void>
}

/** Makes this process the only one that runs a real node on this host, and removes what a killed one has left. */
export async function lockHost(): Promise<HostLock> {
  await mkdir(FOLDER, { recursive: true, mode: 0o700 })
  const owner = await own(FOLDER, 'A cluster with real pods runs on this machine already')
  await clearHost()
  return {
    note: (pid) => writeFile(record, JSON.stringify({ pid, identity: identityOf(pid) })),
    release: async () => {
      await clearHost()
      await owner.release()
      // Another start may be taking the lock at this moment.
      await rmdir(FOLDER).catch(() => {})
    },
  }
}

async function clearHost(): Promise<void> {
  await endSandbox()
  await removeVeth()
  await removeCgroups()
}

/** Ends the recorded process; every other process in the sandbox ends with it. */
async function endSandbox(): Promise<void> {
  const text = await readFile(record, 'utf8').catch(() => undefined)
  if (text === undefined) return
  const { pid, identity } = sandbox.parse(JSON.parse(text))
  const giveUpAt = Date.now() + ENDING_TIMEOUT_MS
  while (identityOf(pid) === identity) {
    if (Date.now() > giveUpAt)
      throw new Error(`The sandbox of an earlier cluster (pid ${pid}) does not end`)
    process.kill(pid, 'SIGKILL')
    await wait(POLL_EVERY_MS)
  }
  await rm(record)
}
