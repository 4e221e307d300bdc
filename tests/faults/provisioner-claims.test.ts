import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { releaseNameOf } from '#domain'
import { eventually } from '#test/eventually'
import { helmStub, overlaps } from '#test/provisioner/helm-stub'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { dataOf, untilLast } from '#test/store-history'
import { expect, test } from 'vitest'

test('two provisioners, 20 stores: each is claimed once and helm runs once for it', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { otherwise: { waitMs: 50 } })
  const change = { HELM_BIN: helm.executable, LEASE_MS: '12000' }
  await world.startProvisioner(change)
  await world.startProvisioner(change)
  const ids = await Promise.all(Array.from({ length: 20 }, () => world.request()))

  const streams = await Promise.all(ids.map((id) => untilLast(world, id, 'StoreProvisioned')))

  const claims = streams.map((events) => dataOf(events, 'ProvisioningStarted'))
  expect(claims.map(({ length }) => length)).toEqual(ids.map(() => 1))
  expect(new Set(claims.flat().map(({ worker }) => worker)).size).toBe(2)
  const runs = await helm.runs()
  expect(runs).toHaveLength(20)
  expect(overlaps(runs.filter(({ args }) => args.includes(releaseNameOf(ids[0] ?? ''))))).toEqual(
    [],
  )
})

test('F10, F15, F16: a message delivered again for a finished store changes nothing and is acked', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'))
  await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()
  const before = await untilLast(world, storeId, 'StoreProvisioned')

  for (let times = 0; times < 3; times++) await world.notify(storeId)

  await eventually(async () => expect(await world.messages()).toEqual({ held: 0, waiting: 0 }))
  expect(await world.history(storeId)).toEqual(before)
  expect(await helm.runs()).toHaveLength(1)
})

test('F10: a message delivered again while the claim is alive does not start helm a second time', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { otherwise: { waitMs: 6_000 } })
  await world.startProvisioner({ HELM_BIN: helm.executable })
  await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()
  await eventually(async () => expect(await helm.runs()).toHaveLength(1))

  for (let times = 0; times < 4; times++) await world.notify(storeId)

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  expect(dataOf(events, 'ProvisioningStarted')).toHaveLength(1)
  expect(await helm.runs()).toHaveLength(1)
})

test('F12: a worker killed after its claim and before helm is taken over, and helm runs once', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'))
  const storeId = randomUUID()
  await world.send(storeId, world.requestOf(storeId))
  const dead = await world.claim(storeId)
  const provisioner = await world.startProvisioner({ HELM_BIN: helm.executable })

  await world.notify(storeId)

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  const [, second] = dataOf(events, 'ProvisioningStarted')
  expect(second).toMatchObject({ attempt: 2, takesOver: dead, worker: provisioner.workerId })
  expect(await helm.runs()).toHaveLength(1)
})

test('F11: a worker killed before its claim leaves the store to another', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'))
  const doomed = await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = randomUUID()
  await world.send(storeId, world.requestOf(storeId))
  world.log.freeze()
  await world.notify(storeId)
  await eventually(async () => expect(await world.messages()).toEqual({ held: 1, waiting: 0 }))
  await doomed.kill()
  world.log.thaw()

  const survivor = await world.startProvisioner({ HELM_BIN: helm.executable })

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  const [claim, ...others] = dataOf(events, 'ProvisioningStarted')
  expect(claim?.worker).toBe(survivor.workerId)
  expect(others).toEqual([])
})
