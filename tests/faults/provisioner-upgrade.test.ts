import { join } from 'node:path'
import { releaseNameOf, type Plan } from '#domain'
import { helmStub } from '#test/helm-stub'
import { provisionerWorld } from '#test/provisioner-world'
import { dataOf, untilLast } from '#test/store-history'
import { expect, test } from 'vitest'

type World = Awaited<ReturnType<typeof provisionerWorld>>

test('one UpgradeRequested leads to one run of helm, with the values of the new plan', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'))
  for (let replicas = 0; replicas < 2; replicas++)
    await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()
  const [first] = dataOf(await untilLast(world, storeId, 'StoreProvisioned'), 'StoreProvisioned')

  await upgrade(world, storeId, 'large')

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  const [, started] = dataOf(events, 'ProvisioningStarted')
  const [, second] = dataOf(events, 'StoreProvisioned')
  expect(started).toMatchObject({ attempt: 2, kind: 'upgrade' })
  expect(second).toMatchObject({
    attempt: 2,
    kind: 'upgrade',
    adopted: false,
    release: first?.release,
  })
  expect(second?.valuesDigest).not.toBe(first?.valuesDigest)
  expect(second?.chartDigest).toBe(first?.chartDigest)
  expect(await helm.runsOf(releaseNameOf(storeId))).toHaveLength(2)
})

async function upgrade(world: World, storeId: string, plan?: Plan): Promise<void> {
  const now = new Date().toISOString()
  await world.send(storeId, { type: 'RequestUpgrade', plan, fingerprint: 'f', now })
  await world.ring(storeId)
}
