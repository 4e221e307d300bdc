import { releaseNameOf, engines } from '#domain'
import { clusterWorld, platformCluster, type PlatformCluster } from '#test/cluster/cluster-world'
import { dataOf, untilLast } from '#test/store-history'
import { afterAll, beforeAll, expect, test } from 'vitest'

let cluster: PlatformCluster

beforeAll(async () => {
  cluster = await platformCluster()
})
afterAll(() => cluster[Symbol.asyncDispose]())

test.each(engines)(
  'a %s store is installed, and its deletion leaves nothing behind',
  async (engine) => {
    await using world = await clusterWorld(cluster)
    await world.startProvisioner()
    const storeId = await world.request({ engine })

    const made = await untilLast(world, storeId, 'StoreProvisioned')
    await world.send(storeId, { type: 'RequestDeletion', now: new Date().toISOString() })
    await world.notify(storeId)
    const events = await untilLast(world, storeId, 'StoreDeleted')

    const release = releaseNameOf(storeId)
    expect(dataOf(made, 'StoreProvisioned')).toMatchObject([
      { attempt: 1, adopted: false, release },
    ])
    expect(dataOf(events, 'StoreDeleted')[0]?.removed).toContain(`Namespace/${release}`)
    expect((await cluster.api(`/api/v1/namespaces/${release}`)).status).toBe(404)
    const { body } = await cluster.api('/api/v1/persistentvolumes')
    expect(JSON.stringify(body)).not.toContain(release)
  },
)
