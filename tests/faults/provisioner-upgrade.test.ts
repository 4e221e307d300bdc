import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { releaseNameOf } from '#domain'
import { eventually } from '#test/eventually'
import { helmStub, overlaps } from '#test/provisioner/helm-stub'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { dataOf, untilLast } from '#test/store-history'
import { expect, test } from 'vitest'

test('two provisioners and an upgrade that is notified again and again: one run of helm, with the values of the new plan', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { otherwise: { waitMs: 300 } })
  for (let replicas = 0; replicas < 2; replicas++)
    await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()
  const [first] = dataOf(await untilLast(world, storeId, 'StoreProvisioned'), 'StoreProvisioned')

  await world.upgrade(storeId, 'large')
  for (let times = 0; times < 4; times++) await world.notify(storeId)

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  const claims = dataOf(events, 'ProvisioningStarted')
  const [, second] = dataOf(events, 'StoreProvisioned')
  expect(claims.map(({ attempt, kind }) => [attempt, kind])).toEqual([
    [1, 'install'],
    [2, 'upgrade'],
  ])
  expect(second).toMatchObject({ attempt: 2, kind: 'upgrade', adopted: false })
  expect(second?.release).toBe(first?.release)
  expect(second?.valuesDigest).not.toBe(first?.valuesDigest)
  await eventually(async () => expect(await world.messages()).toEqual({ held: 0, waiting: 0 }))
  expect(await world.history(storeId)).toEqual(events)
  expect(await helm.runsOf(releaseNameOf(storeId))).toHaveLength(2)
})

test('F13: kill -9 in mid-upgrade ends helm, the old release stays whole, and attempt 3 completes without overlap', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { runs: [{}, { hang: true }] })
  const doomed = await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()
  await untilLast(world, storeId, 'StoreProvisioned')
  const manifests = join(world.environment.RELEASES_DIR, releaseNameOf(storeId), 'manifests.yaml')
  const before = await readFile(manifests, 'utf8')
  await world.upgrade(storeId, 'medium')
  await eventually(async () => expect(await helm.runs()).toHaveLength(2))
  await world.startProvisioner({ HELM_BIN: helm.executable })

  await doomed.kill()
  expect(await readFile(manifests, 'utf8')).toBe(before)

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  const [, cutOff, next] = dataOf(events, 'ProvisioningStarted')
  expect(next).toMatchObject({ attempt: 3, kind: 'upgrade', takesOver: cutOff?.claimId })
  expect(dataOf(events, 'StoreProvisioned')[1]).toMatchObject({ attempt: 3, adopted: false })
  const runs = await helm.runs()
  expect(runs).toHaveLength(3)
  expect(overlaps(runs)).toEqual([])
  expect(await readFile(manifests, 'utf8')).not.toBe(before)
})

test('F12: a worker killed after its claim on an upgrade and before helm is taken over, and helm runs once for it', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'))
  const first = await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()
  await untilLast(world, storeId, 'StoreProvisioned')
  await first.kill()
  const now = new Date().toISOString()
  const asked = { type: 'RequestUpgrade', plan: 'large', fingerprint: 'f', now } as const
  await world.send(storeId, asked)
  const dead = await world.claim(storeId)
  await world.startProvisioner({ HELM_BIN: helm.executable })

  await world.notify(storeId)

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  expect(dataOf(events, 'ProvisioningStarted')[2]).toMatchObject({ attempt: 3, takesOver: dead })
  expect(await helm.runs()).toHaveLength(2)
})

test('F46: a deletion in mid-upgrade stops helm and leaves nothing behind', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { runs: [{}, { hang: true }] })
  await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()
  await untilLast(world, storeId, 'StoreProvisioned')
  await world.upgrade(storeId, 'large')
  await eventually(async () => expect(await helm.runs()).toHaveLength(2))

  await world.send(storeId, { type: 'RequestDeletion', now: new Date().toISOString() })
  await world.notify(storeId)

  const events = await untilLast(world, storeId, 'StoreDeleted')
  expect(dataOf(events, 'StoreDeleted')[0]?.removed).toContain('manifests.yaml')
  expect((await helm.runs())[1]?.endedAt).toBeDefined()
})
