import { join } from 'node:path'
import { releaseNameOf } from '#domain'
import { eventually } from '#test/eventually'
import { helmStub, type HelmRun } from '#test/provisioner/helm-stub'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { untilLast } from '#test/store-history'
import { expect, test } from 'vitest'

const STORES = 9

test('all provisioners together run no more helms at once than the limit, and every store gets its turn', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { otherwise: { waitMs: 200 } })
  const change = { HELM_BIN: helm.executable, CONCURRENCY: '4', GLOBAL_CONCURRENCY: '2' }
  const workers = [await world.startProvisioner(change), await world.startProvisioner(change)]

  const stores = await Promise.all(Array.from({ length: STORES }, () => world.request()))

  for (const store of stores) await untilLast(world, store, 'StoreProvisioned')
  const runs = await helm.runs()
  expect(runs).toHaveLength(STORES)
  expect(mostAtOnce(runs)).toBe(2)
  for (const worker of workers) expect(await worker.output()).toContain('Claimed the store')
})

test('the permits of a killed provisioner become free again', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { runs: [{ hang: true }] })
  const change = { HELM_BIN: helm.executable, GLOBAL_CONCURRENCY: '1' }
  const doomed = await world.startProvisioner(change)
  const stores = [await world.request(), await world.request(), await world.request()]
  await eventually(async () => expect(await helm.runs()).toHaveLength(1))
  await world.startProvisioner(change)

  await doomed.kill()

  for (const store of stores) await untilLast(world, store, 'StoreProvisioned')
  const runs = await helm.runs()
  expect(runs).toHaveLength(4)
  expect(mostAtOnce(runs)).toBe(1)
})

test('a tenant holds no more than its permits in all provisioners together, and others get theirs', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { runs: [{ hang: true }] })
  const change = {
    HELM_BIN: helm.executable,
    GLOBAL_TENANT_CONCURRENCY: '1',
    SHUTDOWN_GRACE_MS: '100',
  }
  await world.startProvisioner(change)
  await world.request()
  await eventually(async () => expect(await helm.runs()).toHaveLength(1))
  await world.startProvisioner(change)
  const second = await world.request()
  const foreign = await Promise.all(
    Array.from({ length: 3 }, (_, n) => world.request({ tenantId: `other ${n}` })),
  )

  for (const store of foreign) await untilLast(world, store, 'StoreProvisioned')

  expect((await world.history(second)).map(({ type }) => type)).toEqual(['StoreRequested'])
})

test('a tenant holds no more than its own share, from the moment an operator sets it, and others have no limit', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { otherwise: { waitMs: 300 } })
  const change = { HELM_BIN: helm.executable, CONCURRENCY: '4' }
  await world.setLimits('small', { concurrency: 1 })
  await world.startProvisioner(change)
  await world.startProvisioner(change)
  const request = (tenantId: string) =>
    Promise.all(Array.from({ length: 4 }, () => world.request({ tenantId })))
  const runsOf = async (stores: string[]) => {
    for (const store of stores) await untilLast(world, store, 'StoreProvisioned')
    return (await Promise.all(stores.map((id) => helm.runsOf(releaseNameOf(id))))).flat()
  }

  await world.setLimits('late', { concurrency: 2 })
  // Takes so long that the share of the other has been heard of when this is over.
  const runs = await runsOf(await request('small'))
  const [late, free] = await Promise.all([request('late'), request('free')])
  const [runsOfLate, runsOfFree] = [await runsOf(late), await runsOf(free)]

  expect([runs.length, mostAtOnce(runs)]).toEqual([4, 1])
  expect(runsOfLate).toHaveLength(4)
  expect(mostAtOnce(runsOfLate)).toBeLessThanOrEqual(2)
  expect(runsOfFree).toHaveLength(4)
})

/** How many runs were alive at the same moment, at most. */
function mostAtOnce(runs: HelmRun[]): number {
  const aliveAt = (at: number) =>
    runs.filter(({ startedAt, endedAt, aliveAt: last }) => {
      return startedAt <= at && at < (endedAt ?? last)
    }).length
  return Math.max(...runs.map(({ startedAt }) => aliveAt(startedAt)))
}
