import { releaseNameOf, type Engine, type StoreEvent } from '#domain'
import { watchedHelm } from '#test/cluster/cluster-helm'
import {
  brokenCharts,
  clusterWorld,
  platformCluster,
  type PlatformCluster,
} from '#test/cluster/cluster-world'
import { eventually } from '#test/eventually'
import { dataOf, untilLast } from '#test/store-history'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { scriptedShop, type Script } from '#test/smoke-test/scripted-shop'
import { woocommerce } from '#test/smoke-test/woocommerce-script'

const list = z.object({
  items: z.array(z.object({ metadata: z.object({ name: z.string(), uid: z.string() }) })),
})
const API = '/?rest_route=/wc/store/v1'
let cluster: PlatformCluster

beforeAll(async () => {
  cluster = await platformCluster()
})
afterAll(() => cluster[Symbol.asyncDispose]())

test.each<[Engine, string]>([
  ['woocommerce', '16'],
  ['medusa', '20'],
])(
  'a %s store goes from small to large by one run of helm, with its volumes and its Secret',
  async (engine, pods) => {
    await using world = await clusterWorld(cluster)
    const helm = await watchedHelm(world)
    await world.startProvisioner({ HELM_BIN: helm.executable })
    const storeId = await world.request({ engine })
    const release = releaseNameOf(storeId)
    await untilLast(world, storeId, 'StoreProvisioned')
    const before = await keptOf(release)

    await world.upgrade(storeId, 'large')
    const events = await untilLast(world, storeId, 'StoreProvisioned')

    expect(stepsOf(events)).toEqual(['install', 'upgrade'])
    expect(dataOf(events, 'StoreProvisioned')[1]).toMatchObject({ kind: 'upgrade', adopted: false })
    expect(await helm.runs('upgrade', release)).toHaveLength(2)
    expect(await keptOf(release)).toEqual(before)
    expect(await get(release, 'resourcequotas/plan')).toMatchObject({
      spec: { hard: { pods } },
    })
    const claim = await get(release, `persistentvolumeclaims/${release}-database`)
    expect(claim).toMatchObject({ spec: { resources: { requests: { storage: '100Gi' } } } })
  },
)

test('an upgrade to what the store is already ends without helm', async () => {
  await using world = await clusterWorld(cluster)
  const helm = await watchedHelm(world)
  await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()
  await untilLast(world, storeId, 'StoreProvisioned')

  await world.upgrade(storeId)
  const events = await untilLast(world, storeId, 'StoreProvisioned')

  expect(stepsOf(events)).toEqual(['install', 'adopt'])
  expect(dataOf(events, 'StoreProvisioned')[1]).toMatchObject({ kind: 'upgrade', adopted: true })
  expect(await helm.runs('upgrade', releaseNameOf(storeId))).toHaveLength(1)
})

test('kill -9 in mid-upgrade leaves a pending upgrade, which the next provisioner unlocks and completes', async () => {
  await using world = await clusterWorld(cluster)
  const helm = await watchedHelm(world)
  const first = await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request({ engine: 'medusa' })
  const release = releaseNameOf(storeId)
  await untilLast(world, storeId, 'StoreProvisioned')
  const before = await keptOf(release)
  await first.kill()
  const doomed = await world.startProvisioner({
    HELM_BIN: helm.executable,
    CHARTS_DIR: await brokenCharts(world),
  })

  await world.upgrade(storeId, 'medium')
  const cutOff = await eventually(async () => {
    expect(await serverOf(release)).toContain('sim.invalid')
    const [, second] = await helm.runs('upgrade', release)
    if (second === undefined) throw new Error('helm has not run yet')
    return second
  })
  process.kill(cutOff.pid, 'SIGKILL')
  await doomed.kill()
  await world.startProvisioner({ HELM_BIN: helm.executable })
  const events = await untilLast(world, storeId, 'StoreProvisioned')

  expect(stepsOf(events)).toEqual(['install', 'unlock', 'upgrade'])
  expect(dataOf(events, 'ProvisioningStarted').map(({ kind }) => kind)).toEqual([
    'install',
    'upgrade',
    'upgrade',
  ])
  expect(await serverOf(release)).not.toContain('sim.invalid')
  expect(await keptOf(release)).toEqual(before)
})

test('an upgrade that fails for good leaves the pods that serve, and a retry completes it', async () => {
  await using world = await clusterWorld(cluster)
  const first = await world.startProvisioner()
  const storeId = await world.request()
  const release = releaseNameOf(storeId)
  await untilLast(world, storeId, 'StoreProvisioned')
  await first.kill()
  const second = await world.startProvisioner({
    CHARTS_DIR: await brokenCharts(world),
    HELM_LIMIT_MS: '8000',
    RETRY_DELAYS_MS: '100',
  })

  await world.upgrade(storeId, 'small')
  const failed = await untilLast(world, storeId, 'StoreFailed')
  expect(dataOf(failed, 'StoreFailed')).toMatchObject([{ kind: 'upgrade', attempt: 3 }])
  expect(JSON.parse(await serverOf(release))).toMatchObject({ status: { availableReplicas: 1 } })
  await second.kill()
  await world.startProvisioner()
  await world.send(storeId, { type: 'RequestRetry', now: new Date().toISOString() })
  await world.notify(storeId)
  const events = await untilLast(world, storeId, 'StoreProvisioned')

  expect(dataOf(events, 'StoreProvisioned')[1]).toMatchObject({ kind: 'upgrade', attempt: 4 })
  expect(await serverOf(release)).not.toContain('sim.invalid')
})

test('where volumes cannot grow an upgrade fails by name, and the store goes back to its plan', async () => {
  await using world = await clusterWorld(cluster)
  await allowVolumeExpansion(false)
  onTestFinished(() => allowVolumeExpansion(true))
  await world.startProvisioner()
  const storeId = await world.request()
  await untilLast(world, storeId, 'StoreProvisioned')

  await world.upgrade(storeId, 'large')
  const failed = await untilLast(world, storeId, 'StoreFailed')
  await world.upgrade(storeId, 'small')
  const events = await untilLast(world, storeId, 'StoreProvisioned')

  expect(dataOf(failed, 'StoreFailed')).toMatchObject([{ reason: 'VOLUME_RESIZE_REFUSED' }])
  expect(dataOf(events, 'StoreProvisioned')[1]).toMatchObject({ kind: 'upgrade', adopted: false })
  expect(await get(releaseNameOf(storeId), 'resourcequotas/plan')).toMatchObject({
    spec: { hard: { pods: '10' } },
  })
})

test('an upgraded shop is browsed and nothing is ordered; one that does not work has failed', async () => {
  const page = { 'GET /product/*/': { body: '<!DOCTYPE html>' } }
  const script: Script = { ...woocommerce, ...page }
  await using shop = await scriptedShop(script)
  await using world = await clusterWorld(cluster)
  const asking = { SMOKE_TEST: 'on', SMOKE_TEST_URL: shop.url, RETRY_DELAYS_MS: '100' }
  await world.startProvisioner(asking)
  const storeId = await world.request()
  await untilLast(world, storeId, 'StoreProvisioned')

  await world.upgrade(storeId, 'medium')
  const upgraded = await untilLast(world, storeId, 'StoreProvisioned')
  Object.assign(script, { [`GET ${API}/products`]: { status: 500, body: 'critical error' } })
  await world.upgrade(storeId)
  const failed = await untilLast(world, storeId, 'StoreFailed')

  expect(stepsOf(upgraded)).toEqual(['install', 'smoke-test', 'upgrade', 'browse-to-checkout'])
  expect(shop.asked().filter((what) => what.endsWith('/checkout'))).toHaveLength(1)
  expect(dataOf(failed, 'StoreFailed')).toMatchObject([
    { kind: 'upgrade', reason: 'SMOKE_TEST_FAILED', detail: expect.stringContaining('500') },
  ])
})

test('a deletion in mid-upgrade leaves nothing behind', async () => {
  await using world = await clusterWorld(cluster)
  const first = await world.startProvisioner()
  const storeId = await world.request({ engine: 'medusa' })
  const release = releaseNameOf(storeId)
  await untilLast(world, storeId, 'StoreProvisioned')
  await first.kill()
  await world.startProvisioner({ CHARTS_DIR: await brokenCharts(world) })
  await world.upgrade(storeId, 'large')
  await eventually(async () => expect(await serverOf(release)).toContain('sim.invalid'))

  await world.send(storeId, { type: 'RequestDeletion', now: new Date().toISOString() })
  await world.notify(storeId)
  await untilLast(world, storeId, 'StoreDeleted')

  expect((await cluster.api(`/api/v1/namespaces/${release}`)).status).toBe(404)
  expect(JSON.stringify((await cluster.api('/api/v1/persistentvolumes')).body)).not.toContain(
    release,
  )
})

const stepsOf = (events: StoreEvent[]): string[] =>
  dataOf(events, 'ProvisioningStepRecorded').map(({ step }) => step)

/** What must be the same object after an upgrade. */
async function keptOf(release: string): Promise<string[]> {
  const { items } = list.parse(await get(release, 'persistentvolumeclaims'))
  const secret = list.shape.items.element.parse(await get(release, 'secrets/store-secret'))
  return [...items, secret].map(({ metadata: { name, uid } }) => `${name} ${uid}`).toSorted()
}

async function get(release: string, what: string): Promise<unknown> {
  return (await cluster.api(`/api/v1/namespaces/${release}/${what}`)).body
}

async function serverOf(release: string): Promise<string> {
  const path = `/apis/apps/v1/namespaces/${release}/deployments/${release}-server`
  return JSON.stringify((await cluster.api(path)).body)
}

async function allowVolumeExpansion(allowed: boolean): Promise<void> {
  const contentType = 'application/merge-patch+json'
  const path = '/apis/storage.k8s.io/v1/storageclasses/kwok'
  const body = { allowVolumeExpansion: allowed }
  expect((await cluster.api(path, { method: 'PATCH', contentType, body })).status).toBe(200)
}
