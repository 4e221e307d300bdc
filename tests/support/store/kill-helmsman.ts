import { z } from 'zod'
import { releaseNameOf } from '#domain'
import { eventually } from '../eventually.ts'
import { releaseOf } from './cluster/release.ts'
import type { StoreWorld } from './store-world.ts'

const HELM_LIMIT_MS = 60_000
const claimLine = z.looseObject({ pid: z.int() })

/** Waits until helm is at work on a store's release and ends the provisioner it works for with -9. */
export async function killHelmsman(world: StoreWorld, storeId: string): Promise<void> {
  const release = releaseOf(world, releaseNameOf(storeId))
  const inMidHelm = async () => {
    const statuses = (await release.records()).map(({ status }) => status)
    if (statuses.join() !== 'pending-install') throw new Error(`helm: ${statuses.join()}`)
  }
  await eventually(inMidHelm, { timeoutMs: HELM_LIMIT_MS, everyMs: 50 })
  const claims = world.stack.lines().filter(({ msg }) => msg === 'Claimed the store')
  const { pid } = claimLine.parse(claims.findLast((line) => line['storeId'] === storeId))
  process.kill(pid, 'SIGKILL')
}
