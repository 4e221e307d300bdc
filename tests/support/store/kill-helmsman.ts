import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { releaseNameOf } from '#domain'
import { eventually } from '../eventually.ts'
import { releaseOf } from './cluster/release.ts'
import type { StoreWorld } from './store-world.ts'

const HELM_LIMIT_MS = 60_000
const provisionerNames = ['provisioner', 'provisioner-2']
const claimLine = z.looseObject({ pid: z.int() })

/** Waits until helm is at work on a store's release and ends the provisioner it works for with -9. */
export async function killHelmsman(world: StoreWorld, storeId: string): Promise<void> {
  const release = releaseOf(world, releaseNameOf(storeId))
  const inMidHelm = async () => {
    const statuses = (await release.records()).map(({ status }) => status)
    if (statuses.join() !== 'pending-install') throw new Error(`helm: ${statuses.join()}`)
  }
  await eventually(inMidHelm, { timeoutMs: HELM_LIMIT_MS, everyMs: 50 })
  // The log alone tells which process a worker is: the API tells of workers by other names.
  const pid = await eventually(() => claimantOf(world, storeId))
  process.kill(pid, 'SIGKILL')
}

async function claimantOf({ stack }: StoreWorld, storeId: string): Promise<number> {
  for (const name of provisionerNames) {
    const text = await readFile(join(stack.dataDir, 'logs', `${name}.log`), 'utf8')
    const claim = text
      .split('\n')
      .find((line) => line.includes(storeId) && line.includes('Claimed the store'))
    if (claim !== undefined) return claimLine.parse(JSON.parse(claim)).pid
  }
  throw new Error(`No provisioner's log tells of a claim of ${storeId}`)
}
