import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { releaseNameOf, type Plan, type StoreEvent } from '#domain'
import { helmStub, type Behaviour } from '#test/provisioner/helm-stub'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { dataOf, untilLast } from '#test/store-history'
import { expect, test } from 'vitest'
import { parseConfig } from '../config.ts'
import { start } from '../start.ts'

test('real helm renders an upgraded store again, with the limits of the larger plan', async () => {
  await using world = await readyStore()
  const small = await world.manifests()

  const events = await world.upgrade('medium')

  expect(dataOf(events, 'StoreProvisioned')[1]).toMatchObject({ kind: 'upgrade', adopted: false })
  expect(small).not.toContain('PodDisruptionBudget')
  expect(await world.manifests()).toContain('PodDisruptionBudget')
})

test('an upgrade on the same plan takes up a chart that changed', async () => {
  await using world = await readyStore({ script: {}, ownCharts: true })
  await writeFile(join(world.charts, 'woocommerce', 'templates', 'new.yaml'), '# new\n')

  const events = await world.upgrade()

  const [before, after] = dataOf(events, 'StoreProvisioned')
  expect(after).toMatchObject({ adopted: false, valuesDigest: before?.valuesDigest })
  expect(after?.chartDigest).not.toBe(before?.chartDigest)
  expect(await world.helm.runs()).toHaveLength(2)
})

test('an upgrade that changes nothing ends without helm, and says whose release it found', async () => {
  await using world = await readyStore({ script: {} })

  const events = await world.upgrade()

  const [, step] = dataOf(events, 'ProvisioningStepRecorded')
  expect(step).toMatchObject({ step: 'adopt', detail: { madeByAttempt: 1 } })
  expect(dataOf(events, 'StoreProvisioned')[1]).toMatchObject({ attempt: 2, adopted: true })
  expect(await world.helm.runs()).toHaveLength(1)
})

test('an upgrade fails as an install does: again with pauses, then for good, and can be asked for again', async () => {
  const no = { exitCode: 1, stderr: 'Error: no' }
  await using world = await readyStore({ script: { runs: [{}, no, no, no] } })

  const failed = await world.upgrade('large', 'StoreFailed')
  const events = await world.upgrade()

  expect(dataOf(failed, 'ProvisioningAttemptFailed')).toHaveLength(2)
  expect(dataOf(failed, 'StoreFailed')).toMatchObject([{ kind: 'upgrade', reason: 'HELM_FAILED' }])
  expect(dataOf(events, 'UpgradeRequested').map(({ plan }) => plan)).toEqual(['large', 'large'])
  expect(dataOf(events, 'StoreProvisioned')[1]).toMatchObject({ kind: 'upgrade', attempt: 5 })
})

test('what an upgrade causes carries who asked for it, and its attempts are counted as upgrades', async () => {
  await using world = await readyStore({ script: {} })

  await world.upgrade('large')

  const metadata = await world.metadata(world.storeId)
  const asked = metadata.findIndex(({ correlationId }) => correlationId === 'trace-upgrade')
  expect(metadata.slice(asked).map(({ correlationId }) => correlationId)).toEqual(
    metadata.slice(asked).map(() => 'trace-upgrade'),
  )
  expect(await world.metrics()).toContain(
    'provisioner_attempts_total{kind="upgrade",outcome="deployed"} 1',
  )
})

interface Given {
  /** How helm behaves; without it helm is the real one. */
  script?: { runs?: Behaviour[] }
  /** A copy of the charts that the test may change. */
  ownCharts?: boolean
}

const shipped = new URL('../../../deploy/charts', import.meta.url).pathname

/** A provisioner in this process, and a store it has made ready. */
async function readyStore({ script, ownCharts = false }: Given = {}) {
  const world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), script)
  const charts = ownCharts ? join(world.folder, 'charts') : shipped
  if (ownCharts) await cp(shipped, charts, { recursive: true })
  const executable = script === undefined ? {} : { HELM_BIN: helm.executable }
  const env = { ...world.environment, ...executable, CHARTS_DIR: charts, LOG_LEVEL: 'silent' }
  const provisioner = await start(parseConfig(env))
  const storeId = await world.request()
  await untilLast(world, storeId, 'StoreProvisioned')
  const folder = join(world.environment.RELEASES_DIR, releaseNameOf(storeId))
  return {
    ...world,
    helm,
    charts,
    storeId,
    manifests: () => readFile(join(folder, 'manifests.yaml'), 'utf8'),
    metrics: async () => (await fetch(`${provisioner.url}/metrics`)).text(),
    /** Asks for the upgrade and waits for its end. */
    upgrade: async (plan?: Plan, end: StoreEvent['type'] = 'StoreProvisioned') => {
      await world.upgrade(storeId, plan)
      return untilLast(world, storeId, end)
    },
    [Symbol.asyncDispose]: async () => {
      await provisioner.close()
      await world[Symbol.asyncDispose]()
    },
  }
}
