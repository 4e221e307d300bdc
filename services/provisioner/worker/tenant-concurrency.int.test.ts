import { join } from 'node:path'
import { eventually } from '#test/eventually'
import { helmStub } from '#test/provisioner/helm-stub'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { untilLast } from '#test/store-history'
import { expect, test } from 'vitest'

test('a tenant with many stores leaves room for other tenants', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { runs: [{ hang: true }] })
  const limits = { CONCURRENCY: '2', TENANT_CONCURRENCY: '1', SHUTDOWN_GRACE_MS: '100' }
  await world.startProvisioner({ HELM_BIN: helm.executable, ...limits })
  await world.request()
  await eventually(async () => expect(await helm.runs()).toHaveLength(1))
  const second = await world.request()
  const foreign = await world.request({ tenantId: 'other' })

  await untilLast(world, foreign, 'StoreProvisioned')

  expect((await world.history(second)).map(({ type }) => type)).toEqual(['StoreRequested'])
})
