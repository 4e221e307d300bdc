import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { releaseNameOf, type StoreEvent } from '#domain'
import { leaseOf, releaseMaker } from '#test/cluster/cluster-release'
import {
  brokenCharts,
  clusterWorld,
  platformCluster,
  type PlatformCluster,
} from '#test/cluster/cluster-world'
import { deployment } from '#test/diagnosis/objects'
import { eventually } from '#test/eventually'
import { dataOf, untilLast } from '#test/store-history'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

type World = Awaited<ReturnType<typeof clusterWorld>>
const anything = fileURLToPath(
  new URL('../../../../tests/support/diagnosis/anything', import.meta.url),
)
const FINALIZER = 'storewright.dev/test'

let cluster: PlatformCluster

beforeAll(async () => {
  cluster = await platformCluster()
})
afterAll(() => cluster[Symbol.asyncDispose]())

test.each([
  ['deletion', 'RequestDeletion', 'StoreDeleted'],
  ['cancel', 'RequestCancel', 'StoreFailed'],
] as const)('F46: a %s in mid-helm leaves nothing behind', async (_, type, last) => {
  await using world = await clusterWorld(cluster)
  await world.provisionHere({ CHARTS_DIR: await brokenCharts(world) })
  const storeId = await world.request()
  const { recordsOf } = await releaseMaker(world)
  const release = releaseNameOf(storeId)
  await eventually(async () => {
    expect((await recordsOf(release))[0]?.labels['status']).toBe('pending-install')
    expect(await volumesOf(release)).not.toEqual([])
  })

  await ask(world, storeId, type)

  const events = await untilLast(world, storeId, last)
  expect(claimsOf(events)).toEqual(['install', 'uninstall'])
  expect((await cluster.api(`/api/v1/namespaces/${release}`)).status).toBe(404)
  expect(await volumesOf(release)).toEqual([])
})

test('StoreDeleted carries what was removed, of the release and beside it', async () => {
  await using world = await clusterWorld(cluster)
  await world.provisionHere()
  const storeId = await world.request()
  await untilLast(world, storeId, 'StoreProvisioned')
  const release = releaseNameOf(storeId)
  const volumes = await volumesOf(release)

  await ask(world, storeId, 'RequestDeletion')

  const events = await untilLast(world, storeId, 'StoreDeleted')
  const [deleted] = dataOf(events, 'StoreDeleted')
  expect(deleted?.removed).toEqual(
    expect.arrayContaining([
      `Deployment/${release}-server`,
      `StatefulSet/${release}-database`,
      `PersistentVolumeClaim/${release}-database`,
      ...volumes.map((name) => `PersistentVolume/${name}`),
      'ResourceQuota/plan',
      'NetworkPolicy/default-deny',
      'Secret/store-secret',
      `Namespace/${release}`,
    ]),
  )
})

test('StoreDeleted tells of a release that somebody else had put into the namespace', async () => {
  await using world = await clusterWorld(cluster)
  await world.provisionHere()
  const storeId = await world.request()
  await untilLast(world, storeId, 'StoreProvisioned')
  const release = releaseNameOf(storeId)
  const { helm } = await releaseMaker(world)
  const values = join(world.folder, 'theirs.json')
  await writeFile(values, JSON.stringify({ objects: [deployment()] }))
  const args = ['install', 'theirs', anything, '--namespace', release, '--values', values]
  expect((await helm(args)).exitCode).toBe(0)

  await ask(world, storeId, 'RequestDeletion')

  const events = await untilLast(world, storeId, 'StoreDeleted')
  expect(dataOf(events, 'StoreDeleted')[0]?.removed).toEqual(
    expect.arrayContaining(['HelmRelease/theirs', 'Deployment/shop']),
  )
})

test('what holds a volume up is named, with its finalizers, and the removal goes on when it is gone', async () => {
  await using world = await clusterWorld(cluster)
  await world.provisionHere({ REMOVAL_LIMIT_MS: '3000' })
  const storeId = await world.request()
  await untilLast(world, storeId, 'StoreProvisioned')
  const [volume = ''] = await volumesOf(releaseNameOf(storeId))
  await setFinalizers(volume, [FINALIZER])

  await ask(world, storeId, 'RequestDeletion')

  const failure = await eventually(async () => {
    const [first] = dataOf(await world.history(storeId), 'ProvisioningAttemptFailed')
    if (first === undefined) throw new Error('no attempt has failed yet')
    return first
  })
  expect(failure).toMatchObject({ reason: 'HELM_PENDING', retryable: true })
  expect(failure.detail).toContain(`PersistentVolume/${volume} (`)
  expect(failure.detail).toContain(FINALIZER)
  await setFinalizers(volume, [])
  await untilLast(world, storeId, 'StoreDeleted')
})

test('a provisioner killed between a claim and its volume: the next one waits for the volume', async () => {
  await using world = await clusterWorld(cluster)
  const doomed = await world.startProvisioner()
  const storeId = await world.request()
  await untilLast(world, storeId, 'StoreProvisioned')
  const release = releaseNameOf(storeId)
  const [volume = ''] = await volumesOf(release)
  await setFinalizers(volume, [FINALIZER])
  await ask(world, storeId, 'RequestDeletion')
  await eventually(async () => expect(await claimNamesOf(release)).toEqual([]))
  await doomed.kill()
  await world.startProvisioner()
  await eventually(async () =>
    expect(claimsOf(await world.history(storeId))).toEqual(['install', 'uninstall', 'uninstall']),
  )
  await eventually(async () => {
    const steps = dataOf(await world.history(storeId), 'ProvisioningStepRecorded')
    expect(steps.filter(({ step }) => step === 'uninstall')).toHaveLength(2)
  })
  expect((await cluster.api(`/api/v1/namespaces/${release}`)).status).toBe(200)

  await setFinalizers(volume, [])

  const events = await untilLast(world, storeId, 'StoreDeleted')
  expect(dataOf(events, 'StoreDeleted')[0]?.removed).toContain(`PersistentVolume/${volume}`)
  expect(await volumesOf(release)).toEqual([])
})

test('of a namespace that does not go, the driver says what is left in it', async () => {
  await using world = await clusterWorld(cluster)
  const { driver, targetOf } = await releaseMaker(world)
  const target = await targetOf(crypto.randomUUID())
  await driver.deploy(target, leaseOf())
  const { release } = target
  const path = `/api/v1/namespaces/${release}/configmaps`
  const metadata = { name: 'held', finalizers: [FINALIZER] }
  await cluster.api(path, { method: 'POST', body: { metadata } })

  await driver.uninstall(target, leaseOf(2))

  await eventually(
    async () => {
      const observed = await driver.observe(target)
      expect(observed).toMatchObject({ status: 'uninstalling', by: 'namespace' })
      expect(JSON.stringify(observed)).toContain(FINALIZER)
    },
    { timeoutMs: 60_000 },
  )
  await patch(`${path}/held`, { finalizers: [] })
})

async function ask(
  world: World,
  storeId: string,
  type: 'RequestDeletion' | 'RequestCancel',
): Promise<void> {
  await world.send(storeId, { type, now: new Date().toISOString() })
  await world.notify(storeId)
}

const claimsOf = (events: StoreEvent[]): string[] =>
  dataOf(events, 'ProvisioningStarted').map(({ kind }) => kind)

const named = z.object({ metadata: z.object({ name: z.string() }) })
const volumes = z.object({
  items: z.array(
    z.looseObject({
      ...named.shape,
      spec: z.object({ claimRef: z.object({ namespace: z.string() }).optional() }),
    }),
  ),
})

async function volumesOf(release: string): Promise<string[]> {
  const { body } = await cluster.api('/api/v1/persistentvolumes')
  return volumes
    .parse(body)
    .items.filter(({ spec }) => spec.claimRef?.namespace === release)
    .map(({ metadata }) => metadata.name)
}

async function claimNamesOf(release: string): Promise<string[]> {
  const { body } = await cluster.api(`/api/v1/namespaces/${release}/persistentvolumeclaims`)
  return z
    .object({ items: z.array(named) })
    .parse(body)
    .items.map(({ metadata }) => metadata.name)
}

const setFinalizers = (volume: string, finalizers: string[]): Promise<void> =>
  patch(`/api/v1/persistentvolumes/${volume}`, { finalizers })

async function patch(path: string, metadata: object): Promise<void> {
  const contentType = 'application/merge-patch+json'
  expect(
    (await cluster.api(path, { method: 'PATCH', contentType, body: { metadata } })).status,
  ).toBe(200)
}
