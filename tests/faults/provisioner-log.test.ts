import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { eventually } from '#test/eventually'
import { helmStub } from '#test/provisioner/helm-stub'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { dataOf, untilLast } from '#test/store-history'
import { expect, test } from 'vitest'

test('F20: cut off from the log before the claim, a worker runs no helm and goes on when it is back', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'))
  const provisioner = await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = randomUUID()
  await world.send(storeId, world.requestOf(storeId))
  await world.log.kill()
  await world.notify(storeId)
  await eventually(async () =>
    expect(await provisioner.output()).toContain('The message could not be handled'),
  )
  expect(await helm.runs()).toEqual([])

  await world.log.restart()

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  expect(dataOf(events, 'ProvisioningStarted')).toHaveLength(1)
  expect(await helm.runs()).toHaveLength(1)
})

test('F21: a result is held while the log is out of reach, and the attempt is not done again', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { runs: [{ waitMs: 2_000 }] })
  const provisioner = await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()
  await eventually(async () => expect(await helm.runs()).toHaveLength(1))
  await world.log.kill()
  await eventually(async () => expect((await helm.runs())[0]?.endedAt).toBeDefined())

  await world.log.restart()

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  expect(dataOf(events, 'ProvisioningStarted')).toHaveLength(1)
  expect(await helm.runs()).toHaveLength(1)
  expect(await provisioner.output()).not.toContain('CLAIM_LOST')
})

test('F21: when the log stays away too long the claim is given up, and a later attempt completes', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { runs: [{ waitMs: 1_000 }] })
  const change = { HELM_BIN: helm.executable, RESULT_RETRY_MS: '1000' }
  const provisioner = await world.startProvisioner(change)
  const storeId = await world.request()
  await eventually(async () => expect(await helm.runs()).toHaveLength(1))
  await world.log.kill()
  await eventually(async () =>
    expect(await provisioner.output()).toContain('The message could not be handled'),
  )

  await world.log.restart()

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  expect(dataOf(events, 'ProvisioningStarted')).toHaveLength(2)
  expect(dataOf(events, 'StoreProvisioned')).toMatchObject([{ attempt: 2 }])
})

test('F22: claims whose outcome is not known leave no store behind and double none', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'))
  await world.startProvisioner({ HELM_BIN: helm.executable })
  const ids = await Promise.all(Array.from({ length: 12 }, () => world.request()))
  await eventually(async () => expect((await helm.runs()).length).toBeGreaterThan(1))

  await world.log.kill()
  await world.log.restart()

  const streams = await Promise.all(ids.map((id) => untilLast(world, id, 'StoreProvisioned')))
  for (const events of streams) expect(dataOf(events, 'StoreProvisioned')).toHaveLength(1)
})

test('a provisioner that cannot read the log for many messages says so once a second, with their number', async () => {
  await using world = await provisionerWorld()
  for (let store = 0; store < 12; store++) await world.request()
  await world.log.kill()

  const { output } = await world.startProvisioner({ CONCURRENCY: '12' })

  await eventually(
    async () =>
      expect(await output()).toMatch(/"times":\d+[^\n]*"msg":"The message could not be handled"/),
    { timeoutMs: 40_000 },
  )
})
