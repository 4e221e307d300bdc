import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { leaseOf, neverReady, releaseMaker } from '#test/cluster/cluster-release'
import {
  changedCharts,
  clusterWorld,
  platformCluster,
  type PlatformCluster,
} from '#test/cluster/cluster-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Target } from '../../../reconcile/driver.ts'
import { readChart } from '../../../chart.ts'

const MERGE = 'application/merge-patch+json'
const signal = AbortSignal.timeout(600_000)

let cluster: PlatformCluster
let world: Awaited<ReturnType<typeof clusterWorld>>
let maker: Awaited<ReturnType<typeof releaseMaker>>

beforeAll(async () => {
  cluster = await platformCluster()
  world = await clusterWorld(cluster)
  maker = await releaseMaker(world)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await cluster[Symbol.asyncDispose]()
})

describe('nothing is touched', () => {
  test('of a store of which nothing is there', async () => {
    const target = await newTarget()
    await expectUntouchable(target)
    expect((await cluster.api(`/api/v1/namespaces/${target.release}`)).status).toBe(404)
  })

  test('in a namespace that somebody else has made', async () => {
    const target = await newTarget()
    const body = { metadata: { name: target.release } }
    await cluster.api('/api/v1/namespaces', { method: 'POST', body })

    await expectUntouchable(target)

    await expect(maker.driver.deploy(target, leaseOf())).rejects.toMatchObject({
      code: 'RELEASE_CONFLICT',
    })
    const { body: found } = await cluster.api(`/api/v1/namespaces/${target.release}`)
    expect(JSON.stringify(found)).not.toMatch(/storewright|deletionTimestamp/)
  })

  test('of a release that is not pending, or pending for another store', async () => {
    const target = await newTarget()
    const { release, request } = target
    await maker.driver.deploy(target, leaseOf())
    const whole = await maker.recordsOf(release)
    await maker.driver.unlock(target, leaseOf(2))
    expect(await maker.recordsOf(release)).toEqual(whole)

    const broken = await maker.targetOf(request.storeId, neverReady)
    const unmanaged = { ...broken, request: { ...request, storeId: randomUUID() } }
    await maker.cutOff(await maker.upgradeArgs(unmanaged), { release, status: 'pending-upgrade' })
    const pending = await maker.recordsOf(release)
    await maker.driver.unlock(target, leaseOf(2))
    expect(await maker.recordsOf(release)).toEqual(pending)
  })

  test('by a worker whose claim Secret is there already', async () => {
    const target = await newTarget()
    await maker.driver.deploy(target, leaseOf())
    const before = await maker.recordsOf(target.release)
    const lease = leaseOf(2)
    const name = `claim-2-${lease.claimId.slice(0, 8)}`
    const path = `/api/v1/namespaces/${target.release}/secrets`
    await cluster.api(path, { method: 'POST', body: { metadata: { name } } })

    await expect(maker.driver.deploy(target, lease)).rejects.toMatchObject({ code: 'CLAIM_LOST' })

    expect(await maker.recordsOf(target.release)).toEqual(before)
  })

  test('by a worker that learns during the fence that its claim is lost', async () => {
    const target = await newTarget()
    await maker.driver.deploy(target, leaseOf())
    const path = `/api/v1/namespaces/${target.release}/secrets`
    const labels = { 'storewright.dev/claim': randomUUID() }
    await cluster.api(path, { method: 'POST', body: { metadata: { name: 'claim-1', labels } } })
    const lost = new Error('taken over')
    let asked = 0
    const confirm = () => (++asked === 1 ? Promise.resolve() : Promise.reject(lost))

    await expect(
      maker.driver.fence(target, { ...leaseOf(2), signal: AbortSignal.abort(), confirm }),
    ).rejects.toThrow(lost)
    const { body } = await cluster.api(`${path}?labelSelector=storewright.dev/claim`)
    // Its own Secret stays: the next attempt waits again.
    expect(JSON.stringify(body)).toContain('claim-2-')
  })
})

describe('a chart', () => {
  test('that changed while helm ran is not taken for what was asked', async () => {
    const target = await newTarget()
    const older = { ...target, chart: { ...target.chart, digest: 'older' } }
    await expect(maker.driver.deploy(older, leaseOf())).rejects.toMatchObject({
      code: 'CHART_INVALID',
      retryable: true,
    })
  })

  test('that wants a key the Secret of the store lacks is refused: its values are never made again', async () => {
    const target = await newTarget()
    await maker.driver.deploy(target, leaseOf())
    const charts = await withKeys('one-more-key admin-email')
    const newer = { ...target, chart: await readChart(charts, 'woocommerce') }

    await expect(maker.driver.deploy(newer, leaseOf(2))).rejects.toThrow(
      'store-secret lacks one-more-key',
    )
  })

  test('that does not say which keys it needs is refused', async () => {
    const charts = await changedCharts(world, (path) =>
      changeFile(path, (text) => text.replace('secret-keys', 'x')),
    )
    const target = { ...(await newTarget()), chart: await readChart(charts, 'woocommerce') }
    await expect(maker.driver.deploy(target, leaseOf())).rejects.toThrow(
      'does not say which keys its Secret needs',
    )
  })
})

test('a volume whose policy is to stay is not waited for, and stays', async () => {
  const target = await newTarget()
  await maker.driver.deploy(target, leaseOf())
  const claims = await cluster.api(`/api/v1/namespaces/${target.release}/persistentvolumeclaims`)
  const [volume] = bound.parse(claims.body).items.map(({ spec }) => spec.volumeName)
  const path = `/api/v1/persistentvolumes/${volume}`
  const body = { spec: { persistentVolumeReclaimPolicy: 'Retain' } }
  await cluster.api(path, { method: 'PATCH', contentType: MERGE, body })

  await maker.driver.uninstall(target, leaseOf(2))

  expect(await cluster.api(path)).toMatchObject({
    status: 200,
    body: { status: { phase: 'Released' } },
  })
  await cluster.api(path, { method: 'DELETE' })
})

test('an order is not tried where the Secret of the store is gone', async () => {
  const target = await maker.targetOf(randomUUID(), '', 'medusa')
  const smokeTest = { urlTemplate: 'http://127.0.0.1:1', limitMs: 1_000 }
  const driver = await maker.driverAs({ smokeTest })
  await driver.deploy(target, leaseOf())
  const path = `/api/v1/namespaces/${target.release}/secrets/store-secret`
  await cluster.api(path, { method: 'DELETE' })

  await expect(driver.placeOrder?.(target, signal)).rejects.toMatchObject({
    code: 'SMOKE_TEST_FAILED',
    message: 'store-secret is gone',
  })
})

const bound = z.object({ items: z.array(z.object({ spec: z.object({ volumeName: z.string() }) })) })
const newTarget = (): Promise<Target> => maker.targetOf(randomUUID())

async function expectUntouchable(target: Target): Promise<void> {
  const { driver } = maker
  await driver.fence(target, leaseOf(2))
  expect(await driver.inventory(target)).toEqual([])
  await driver.uninstall(target, leaseOf(2))
}

function withKeys(change: string): Promise<string> {
  return changedCharts(world, (path) =>
    changeFile(path, (text) => text.replace('admin-email', change)),
  )
}

async function changeFile(chart: string, change: (text: string) => string): Promise<void> {
  const file = join(chart, 'Chart.yaml')
  await writeFile(file, change(await readFile(file, 'utf8')))
}
