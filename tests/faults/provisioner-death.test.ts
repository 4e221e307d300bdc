import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '#test/eventually'
import { freezeProcess } from '#test/freeze-process'
import { helmStub, overlaps, type HelmRun } from '#test/provisioner/helm-stub'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { dataOf, untilLast } from '#test/store-history'
import { expect, test } from 'vitest'

const hangsOnce = { runs: [{ hang: true }] }

test('F13: kill -9 of a provisioner in mid-helm ends helm, and attempt 2 completes without overlap', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), hangsOnce)
  const doomed = await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()
  const { pid } = await firstRun(helm)
  await world.startProvisioner({ HELM_BIN: helm.executable })

  await doomed.kill()

  await eventually(() => expect(isAlive(pid)).toBe(false))
  const events = await untilLast(world, storeId, 'StoreProvisioned')
  expect(dataOf(events, 'ProvisioningStarted')).toHaveLength(2)
  expect(dataOf(events, 'StoreProvisioned')).toMatchObject([{ attempt: 2, adopted: false }])
  const runs = await helm.runs()
  expect(runs).toHaveLength(2)
  expect(overlaps(runs)).toEqual([])
})

test('F13: with the default times, too, helm is gone before another worker claims the store', async () => {
  await using world = await provisionerWorld({ times: {} })
  const helm = await helmStub(join(world.folder, 'stub'), hangsOnce)
  const doomed = await world.startProvisioner({ HELM_BIN: helm.executable })
  const other = await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()
  await firstRun(helm)
  const claimed = dataOf(await world.history(storeId), 'ProvisioningStarted')
  const victim = claimed[0]?.worker === doomed.workerId ? doomed : other

  await victim.kill()

  // How soon is measured by the bench cluster-recovery.
  const events = await untilLast(world, storeId, 'StoreProvisioned')
  const workers = dataOf(events, 'ProvisioningStarted').map(({ worker }) => worker)
  expect(workers).toEqual([victim.workerId, (victim === doomed ? other : doomed).workerId])
  const runs = await helm.runs()
  expect(runs).toHaveLength(2)
  expect(overlaps(runs)).toEqual([])
})

test('F17: a worker whose renewals are lost ends helm, and its claim is taken over', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), hangsOnce)
  await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()
  await firstRun(helm)

  world.nats.freeze()
  const run = await eventually(async () => {
    const [first] = await helm.runs()
    expect(first?.endedAt).toBeDefined()
    return first
  })
  expect(run?.terminatedAt).toBeDefined()
  expect(await world.history(storeId)).toHaveLength(2)
  world.nats.thaw()

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  expect(dataOf(events, 'StoreProvisioned')).toMatchObject([{ attempt: 2 }])
  expect(overlaps(await helm.runs())).toEqual([])
})

test('F18: a frozen provisioner loses helm and claim, and when thawed writes nothing and starts no helm', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), hangsOnce)
  const frozen = await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()
  const { pid } = await firstRun(helm)

  freezeProcess(frozen.pid)
  await eventually(() => expect(isAlive(pid)).toBe(false))
  await world.startProvisioner({ HELM_BIN: helm.executable })
  await untilLast(world, storeId, 'StoreProvisioned')
  expect(await readdir(join(world.environment.RELEASES_DIR, '.staging'))).toEqual([])
  const before = await world.history(storeId)
  frozen.signal('SIGCONT')
  await eventually(async () => expect(await frozen.output()).toContain('CLAIM_LOST'))
  await eventually(async () => expect(await world.messages()).toEqual({ held: 0, waiting: 0 }))

  expect(await world.history(storeId)).toEqual(before)
  const runs = await helm.runs()
  expect(runs).toHaveLength(2)
  expect(overlaps(runs)).toEqual([])
})

async function firstRun(helm: { runs: () => Promise<HelmRun[]> }): Promise<HelmRun> {
  return eventually(async () => {
    const [run] = await helm.runs()
    if (run === undefined) throw new Error('helm has not run yet')
    return run
  })
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
