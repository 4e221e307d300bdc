import { mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { identityOf, own } from '../../commands/owner.ts'
import { removeCgroups } from './cgroups.ts'
import { cut } from './network.ts'

/** One for the host: addresses, the cable and cgroups have names that only one machine can have. */
const PLACE = '/run/storewright-node'
const record = join(PLACE, 'machine.json')
const LOOK_EVERY_MS = 25
const ENDING_TIMEOUT_MS = 10_000
const machine = z.object({ pid: z.int(), identity: z.string() })

export interface Claim {
  /** Notes the process a later start has to end should this one be killed. */
  note: (pid: number) => Promise<void>
  /** Removes what the machine has left on the host, and the claim. */
  release: () => Promise<void>
}

/** Makes this process the one that runs a real node on this host, and clears what a dead one has left. */
export async function claimHost(): Promise<Claim> {
  await mkdir(PLACE, { recursive: true, mode: 0o700 })
  const owner = await own(PLACE, 'A cluster with real pods runs on this machine already')
  await clearHost()
  return {
    note: (pid) => writeFile(record, JSON.stringify({ pid, identity: identityOf(pid) })),
    release: async () => {
      await clearHost()
      await owner.release()
      // Another start may be claiming it at this moment.
      await rmdir(PLACE).catch(() => {})
    },
  }
}

async function clearHost(): Promise<void> {
  await endMachine()
  await cut()
  await removeCgroups()
}

/** The end of that process is the end of every other one in the machine. */
async function endMachine(): Promise<void> {
  const text = await readFile(record, 'utf8').catch(() => undefined)
  if (text === undefined) return
  const { pid, identity } = machine.parse(JSON.parse(text))
  const giveUpAt = Date.now() + ENDING_TIMEOUT_MS
  while (identityOf(pid) === identity) {
    if (Date.now() > giveUpAt)
      throw new Error(`The machine of an earlier cluster (pid ${pid}) does not end`)
    process.kill(pid, 'SIGKILL')
    await wait(LOOK_EVERY_MS)
  }
  await rm(record)
}
