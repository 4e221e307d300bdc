import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { releaseNameOf, tenantStream } from '#domain'
import { eventually } from '#test/eventually'
import { helmStub } from '#test/provisioner/helm-stub'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { dataOf, untilLast } from '#test/store-history'
import { expect, test } from 'vitest'

const now = () => new Date().toISOString()

test('F46: a deletion in mid-helm stops helm and leaves nothing behind', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { runs: [{ hang: true }] })
  await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()
  await eventually(async () => expect(await helm.runs()).toHaveLength(1))

  await world.send(storeId, { type: 'RequestDeletion', now: now() })
  await world.notify(storeId)

  const events = await untilLast(world, storeId, 'StoreDeleted')
  expect(dataOf(events, 'StoreProvisioned')).toEqual([])
  expect((await helm.runs()).map(({ endedAt }) => endedAt)).toEqual([expect.any(Number)])
  expect(await readdir(world.environment.RELEASES_DIR)).toEqual(['.staging'])
  expect(await readdir(join(world.environment.RELEASES_DIR, '.staging'))).toEqual([])
})

test('F46: a cancel in mid-helm ends in StoreFailed CANCELLED, and a retry makes the store', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { runs: [{ hang: true }] })
  await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()
  await eventually(async () => expect(await helm.runs()).toHaveLength(1))

  await world.send(storeId, { type: 'RequestCancel', now: now() })
  await world.notify(storeId)
  const cancelled = await untilLast(world, storeId, 'StoreFailed')
  expect(dataOf(cancelled, 'StoreFailed')).toMatchObject([{ reason: 'CANCELLED' }])
  await world.send(storeId, { type: 'RequestRetry', now: now() })
  await world.notify(storeId)

  await untilLast(world, storeId, 'StoreProvisioned')
  expect(await readdir(world.environment.RELEASES_DIR)).toContain(releaseNameOf(storeId))
})

test('a deleted store says what was removed, and its slot is released once', async () => {
  await using world = await provisionerWorld()
  await world.startProvisioner()
  const storeId = await world.request()
  await world.reserveSlot(storeId)
  await untilLast(world, storeId, 'StoreProvisioned')

  await world.send(storeId, { type: 'RequestDeletion', now: now() })
  for (let times = 0; times < 3; times++) await world.notify(storeId)

  const events = await untilLast(world, storeId, 'StoreDeleted')
  const [deleted] = dataOf(events, 'StoreDeleted')
  const kinds = ['NetworkPolicy', 'Deployment', 'StatefulSet'].map((kind) => `${kind}/`)
  for (const kind of kinds)
    expect(deleted?.removed.some((entry) => entry.startsWith(kind))).toBe(true)
  expect(deleted?.removed).toEqual(expect.arrayContaining(['manifests.yaml', 'release.json']))
  await eventually(async () => expect(await world.messages()).toEqual({ held: 0, waiting: 0 }))
  const types: string[] = []
  for await (const { type } of world.eventStore.readStream(tenantStream('demo'))) types.push(type)
  expect(types).toEqual(['StoreSlotReserved', 'StoreSlotReleased'])
})

test('a deletion whose worker died after the removal still says what was removed', async () => {
  await using world = await provisionerWorld()
  await world.startProvisioner()
  const storeId = await world.request()
  await untilLast(world, storeId, 'StoreProvisioned')
  // Otherwise the provisioner may read the store once more, and do the deletion itself.
  await eventually(async () => expect(await world.messages()).toEqual({ held: 0, waiting: 0 }))
  await world.send(storeId, { type: 'RequestDeletion', now: now() })
  const claimId = await world.claim(storeId)
  const detail = { release: releaseNameOf(storeId), removed: 'Deployment/x\nmanifests.yaml' }
  await world.send(storeId, { type: 'RecordStep', claimId, step: 'uninstall', detail, now: now() })

  await world.notify(storeId)

  const events = await untilLast(world, storeId, 'StoreDeleted')
  expect(dataOf(events, 'StoreDeleted')[0]?.removed).toContain('Deployment/x')
})
