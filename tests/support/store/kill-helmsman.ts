import { releaseNameOf } from '#domain'
import { dataOf } from '../store-history.ts'
import { eventually } from '../eventually.ts'
import { historyOf } from './history.ts'
import { releaseOf } from './cluster/release.ts'
import type { StoreWorld } from './store-world.ts'

const HELM_LIMIT_MS = 60_000

/** Waits until helm is at work on a store's release and ends the provisioner it works for with -9. */
export async function killHelmsman(world: StoreWorld, storeId: string): Promise<void> {
  const release = releaseOf(world, releaseNameOf(storeId))
  const inMidHelm = async () => {
    const statuses = (await release.records()).map(({ status }) => status)
    if (statuses.join() !== 'pending-install') throw new Error(`helm: ${statuses.join()}`)
  }
  await eventually(inMidHelm, { timeoutMs: HELM_LIMIT_MS, everyMs: 50 })
  const [started] = dataOf(await historyOf(world, storeId), 'ProvisioningStarted')
  const { provisioner, 'provisioner-2': second } = await world.stack.pids()
  // A worker's name holds its pid, unless somebody gave it another.
  const pid = [provisioner, second].find((each) => started?.worker.includes(`-${each}-`))
  if (pid === undefined) throw new Error(`No provisioner is ${started?.worker}`)
  process.kill(pid, 'SIGKILL')
}
