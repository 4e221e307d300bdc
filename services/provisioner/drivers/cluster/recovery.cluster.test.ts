import { releaseNameOf } from '#domain'
import { watchedHelm } from '#test/cluster/cluster-helm'
import { brokenCharts, clusterWorld, platformCluster } from '#test/cluster/cluster-world'
import { eventually } from '#test/eventually'
import { dataOf, untilLast } from '#test/store-history'
import { expect, test } from 'vitest'

const STORES = 3
const LIMIT_MS = 30_000

test('F13: with the default times the next helm starts within 30 s of a kill -9 in mid-helm', async () => {
  await using cluster = await platformCluster()
  await using world = await clusterWorld(cluster, { times: {} })
  const helm = await watchedHelm(world)
  const doomed = await world.startProvisioner({
    HELM_BIN: helm.executable,
    CHARTS_DIR: await brokenCharts(world),
  })
  const storeIds = await Promise.all(Array.from({ length: STORES }, () => world.request()))
  await eventually(async () => expect(await helm.runs('upgrade')).toHaveLength(STORES))
  await world.startProvisioner({ HELM_BIN: helm.executable })
  const killedAt = Date.now()

  await doomed.kill()

  for (const storeId of storeIds) {
    const events = await untilLast(world, storeId, 'StoreProvisioned')
    expect(dataOf(events, 'StoreProvisioned')).toMatchObject([{ attempt: 2 }])
    const runs = await helm.runs('upgrade', releaseNameOf(storeId))
    expect(runs).toHaveLength(2)
    const tookMs = (runs[1]?.startedAt ?? Infinity) - killedAt
    process.stdout.write(`kill -9 to the next helm: ${(tookMs / 1_000).toFixed(1)} s\n`)
    expect(tookMs).toBeLessThan(LIMIT_MS)
  }
})
