import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { releaseNameOf, type StoreEvent } from '#domain'
import { leaseOf, neverReady, releaseMaker } from '#test/cluster/cluster-release'
import {
  changedCharts,
  clusterWorld,
  platformCluster,
  type PlatformCluster,
} from '#test/cluster/cluster-world'
import { eventually } from '#test/eventually'
import { dataOf, untilLast } from '#test/store-history'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { readChart } from '../../../chart.ts'

type World = Awaited<ReturnType<typeof clusterWorld>>
type Maker = Awaited<ReturnType<typeof releaseMaker>>

let cluster: PlatformCluster
let world: World
let maker: Maker

beforeAll(async () => {
  cluster = await platformCluster()
  world = await clusterWorld(cluster)
  maker = await releaseMaker(world)
  await world.provisionHere()
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await cluster[Symbol.asyncDispose]()
})

test('absent: install', async () => {
  const storeId = newStore()

  const events = await provision(storeId)

  expect(stepsOf(events)).toEqual(['install'])
  expect(await statuses(storeId)).toEqual(['deployed'])
})

test('deployed as wanted: adopted, and helm does not run', async () => {
  const storeId = newStore()
  await maker.driver.deploy(await maker.targetOf(storeId), leaseOf())

  const events = await provision(storeId)

  expect(stepsOf(events)).toEqual(['adopt'])
  expect(dataOf(events, 'StoreProvisioned')).toMatchObject([{ adopted: true }])
  expect(await statuses(storeId)).toEqual(['deployed'])
})

test('deployed with other values: upgrade', async () => {
  const storeId = newStore()
  await maker.driver.deploy(await maker.targetOf(storeId, 'imagePullSecrets: []\n'), leaseOf())

  const events = await provision(storeId)

  expect(stepsOf(events)).toEqual(['upgrade'])
  expect(await statuses(storeId)).toEqual(['deployed', 'superseded'])
})

test('deployed with the labels of another store: StoreFailed, never touched', async () => {
  const storeId = newStore()
  const target = await maker.targetOf(storeId)
  const request = { ...target.request, storeId: randomUUID() }
  await maker.driver.deploy(target, leaseOf())
  const unmanaged = await maker.upgradeArgs({ ...target, request })
  expect((await maker.helm(unmanaged)).exitCode).toBe(0)
  const before = await maker.recordsOf(target.release)

  await ask(storeId)
  const events = await untilLast(world, storeId, 'StoreFailed')

  expect(dataOf(events, 'StoreFailed')).toMatchObject([{ reason: 'RELEASE_CONFLICT' }])
  expect(await maker.recordsOf(target.release)).toEqual(before)
})

test('a namespace that was not made for the store: StoreFailed, never touched', async () => {
  const storeId = newStore()
  const name = releaseNameOf(storeId)
  await cluster.api('/api/v1/namespaces', { method: 'POST', body: { metadata: { name } } })

  await ask(storeId)
  const events = await untilLast(world, storeId, 'StoreFailed')

  expect(dataOf(events, 'StoreFailed')).toMatchObject([{ reason: 'RELEASE_CONFLICT' }])
  const quotas = await cluster.api(`/api/v1/namespaces/${name}/resourcequotas`)
  expect(quotas.body).toMatchObject({ items: [] })
})

test('failed: upgrade --install', async () => {
  const storeId = newStore()
  const target = await maker.targetOf(storeId, neverReady)
  await maker.driver.deploy(await maker.targetOf(storeId), leaseOf())
  const args = await maker.upgradeArgs(target)
  const failing = [...args, '--timeout', '2s']
  expect((await maker.helm(failing)).exitCode).toBe(1)
  expect(await statuses(storeId)).toEqual(['failed', 'deployed'])

  const events = await provision(storeId)

  expect(stepsOf(events)).toEqual(['upgrade'])
  expect(await serverImage(storeId)).not.toContain('sim.invalid')
})

test('pending-install of a dead claim: unlocked, installed', async () => {
  const storeId = newStore()
  const target = await maker.targetOf(storeId, neverReady)
  await maker.driver.deploy(await maker.targetOf(storeId), leaseOf())
  await maker.helm(['uninstall', target.release, '--namespace', target.release])
  const { release } = target
  await maker.cutOff(await maker.upgradeArgs(target), { release, status: 'pending-install' })

  const events = await provision(storeId)

  expect(stepsOf(events)).toEqual(['unlock', 'install'])
  expect(await serverImage(storeId)).not.toContain('sim.invalid')
})

test('pending-upgrade of a dead claim: unlocked and upgraded, though the release below is as wanted', async () => {
  const storeId = newStore()
  const target = await maker.targetOf(storeId, neverReady)
  await maker.driver.deploy(await maker.targetOf(storeId), leaseOf())
  await maker.cutOff(await maker.upgradeArgs(target), {
    release: target.release,
    status: 'pending-upgrade',
    until: async () => expect(await serverImage(storeId)).toContain('sim.invalid'),
  })

  const events = await provision(storeId)

  expect(stepsOf(events)).toEqual(['unlock', 'upgrade'])
  expect(await serverImage(storeId)).not.toContain('sim.invalid')
})

test('pending-rollback of a dead claim: unlocked and upgraded', async () => {
  const storeId = newStore()
  const { release } = await maker.targetOf(storeId)
  await maker.driver.deploy(await maker.targetOf(storeId), leaseOf())
  const broken = await maker.upgradeArgs(await maker.targetOf(storeId, neverReady))
  await maker.helm([...broken, '--timeout', '2s'])
  await maker.helm(await maker.upgradeArgs(await maker.targetOf(storeId)))
  const rollback = ['rollback', release, '2', '--wait', '--namespace', release]
  await maker.cutOff(rollback, { release, status: 'pending-rollback' })

  const events = await provision(storeId)

  expect(stepsOf(events)).toEqual(['unlock', 'upgrade'])
  expect(await serverImage(storeId)).not.toContain('sim.invalid')
})

test('uninstalling: waited for, then installed', async () => {
  const storeId = newStore()
  const chartsDir = await changedCharts(world, (path) =>
    writeFile(join(path, 'templates', 'hold.yaml'), endlessHook),
  )
  const driver = await maker.driverAs({ chartsDir })
  const chart = await readChart(chartsDir, 'woocommerce')
  const target = { ...(await maker.targetOf(storeId)), chart }
  const { release } = target
  await driver.deploy(target, leaseOf())
  const uninstall = ['uninstall', release, '--namespace', release]
  await maker.cutOff(uninstall, { release, status: 'uninstalling' })
  await ask(storeId)
  await eventually(async () => {
    const events = await world.history(storeId)
    expect(events.at(-1)?.type).toBe('ProvisioningStarted')
  })

  await maker.helm([...uninstall, '--no-hooks'])

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  expect(stepsOf(events)).toEqual(['install'])
})

/** Helm waits for a Job that is never begun. */
const endlessHook = `apiVersion: batch/v1
kind: Job
metadata: { name: hold, annotations: { helm.sh/hook: pre-delete } }
spec:
  suspend: true
  template: { spec: { restartPolicy: Never, containers: [{ name: hold, image: hold }] } }
`

function newStore(): string {
  const storeId = randomUUID()
  onTestFinished(async () => {
    await cluster.api(`/api/v1/namespaces/${releaseNameOf(storeId)}`, { method: 'DELETE' })
  })
  return storeId
}

async function ask(storeId: string): Promise<void> {
  await world.send(storeId, world.requestOf(storeId))
  await world.notify(storeId)
}

async function provision(storeId: string): Promise<StoreEvent[]> {
  await ask(storeId)
  return untilLast(world, storeId, 'StoreProvisioned')
}

const stepsOf = (events: StoreEvent[]): string[] =>
  dataOf(events, 'ProvisioningStepRecorded').map(({ step }) => step)

async function statuses(storeId: string): Promise<(string | undefined)[]> {
  const records = await maker.recordsOf(releaseNameOf(storeId))
  return records.map(({ labels }) => labels['status'])
}

async function serverImage(storeId: string): Promise<string> {
  const name = releaseNameOf(storeId)
  const { body } = await cluster.api(`/apis/apps/v1/namespaces/${name}/deployments/${name}-server`)
  return JSON.stringify(body)
}
