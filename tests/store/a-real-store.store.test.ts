import { existsSync } from 'node:fs'
import { releaseNameOf } from '#domain'
import { dataOf, untilLast } from '#test/store-history'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { sendCustomers } from '#test/store/customers'
import { evidence } from '#test/store/cluster/evidence'
import { historyOf } from '#test/store/history'
import { killHelmsman } from '#test/store/kill-helmsman'
import { neighbour } from '#test/store/cluster/neighbour'
import { reach } from '#test/store/cluster/reach'
import { releaseOf } from '#test/store/cluster/release'
import type { RequestOptions } from '#test/stack/store-client'
import { storeWorld, type StoreWorld } from '#test/store/store-world'
import { volumesOf } from '#test/store/cluster/volumes'

// One story on one cluster: a store costs a minute of both cores, so each test goes on with those before it.
const READY_LIMIT_MS = 9 * 60_000
vi.setConfig({ testTimeout: READY_LIMIT_MS + 60_000 })
const say = (line: string) => void process.stdout.write(`store  ${line}\n`)

let world: StoreWorld
const stores = { first: '', second: '' }
/** An order of the first store. */
let orderId = ''
let broken = false

beforeAll(async () => {
  world = await storeWorld(say)
})
afterAll(() => world?.[Symbol.asyncDispose]())
beforeEach(({ onTestFailed, skip }) => {
  skip(broken, 'A test before it failed')
  onTestFailed(async () => {
    broken = true
    process.stdout.write(`${await evidence(world)}\n`)
  })
})

const log = { history: (storeId: string) => historyOf(world, storeId) }
const shopOf = (storeId: string) => world.shop(releaseNameOf(storeId))

/** Asks for a store, waits until it is ready, and says how long the first order took. */
async function openStore(name: string, more: Omit<RequestOptions, 'name'> = {}) {
  const storeId = await world.stores.accepted({ name, engine: 'medusa', ...more })
  await world.stores.untilStatus(storeId, 'ready', READY_LIMIT_MS)
  const events = await historyOf(world, storeId)
  const [requested] = dataOf(events, 'StoreRequested')
  const [started] = dataOf(events, 'ProvisioningStarted')
  const [provisioned] = dataOf(events, 'StoreProvisioned')
  if (requested === undefined || started === undefined || provisioned?.smokeTest === undefined)
    throw new Error(`No order was placed: ${JSON.stringify(events)}`)
  const tookMs = Date.parse(provisioned.provisionedAt) - Date.parse(requested.requestedAt)
  return { storeId, started, provisioned, smokeTest: provisioned.smokeTest, tookMs }
}

test('a store is called ready only after an order went through its Service', async () => {
  const { storeId, started, provisioned, smokeTest, tookMs } = await openStore('First shop')
  stores.first = storeId
  const { importedAfter, isCold } = world
  const before = isCold ? 'cold, images imported' : 'warm, images there'
  say(`request → first order: ${tookMs} ms, after ${importedAfter} s for the cluster (${before})`)
  say(`the order itself: ${smokeTest.requests} requests, ${smokeTest.durationMs} ms`)

  const order = await (await shopOf(storeId)).order(smokeTest.orderId)
  const row = await releaseOf(world, releaseNameOf(storeId)).sql(
    `select count(*) from "order" where id = '${smokeTest.orderId}'`,
  )

  expect(order).toMatchObject({ id: smokeTest.orderId, status: 'canceled' })
  expect(row).toBe('1')
  expect(Date.parse(order.created_at)).toBeGreaterThan(Date.parse(started.startedAt))
  expect(Date.parse(order.created_at)).toBeLessThan(Date.parse(provisioned.provisionedAt))
})

test('a second store beside it sells too, where and in what it was asked for, with secrets of its own', async () => {
  const parameters = { country: 'CH', currency: 'CHF' }
  const { storeId, tookMs, smokeTest } = await openStore('Second shop', { parameters })
  stores.second = storeId
  say(`request → first order, warm: ${tookMs} ms`)

  const [first, second] = await Promise.all([shopOf(stores.first), shopOf(storeId)])

  expect(await second.order(smokeTest.orderId)).toMatchObject({
    currency_code: 'chf',
    region: { name: 'Switzerland' },
  })
  expect(Object.keys(second.secrets).toSorted()).toEqual(Object.keys(first.secrets).toSorted())
  for (const [name, value] of Object.entries(second.secrets))
    expect(`${name} ${value}`).not.toBe(`${name} ${first.secrets[name]}`)
})

test('a database answers the pods of its own store, and nobody else', async () => {
  const [own, other] = [releaseNameOf(stores.first), releaseNameOf(stores.second)]
  const { ip = '' } = await releaseOf(world, own).readyPod('database')
  const server = await releaseOf(world, own).readyPod('server')
  const otherServer = await releaseOf(world, other).readyPod('server')
  // Labels can be had by anybody; the namespace cannot.
  const labels = {
    'app.kubernetes.io/instance': own,
    'app.kubernetes.io/component': 'server',
    'storewright.dev/engine': 'medusa',
  }
  const stranger = await neighbour(world, 'default', labels)
  const platform = await neighbour(world, 'storewright', labels)
  const medusa = (namespace: string, { name: pod }: { name: string }) =>
    reach(world, { namespace, pod, container: 'medusa' }, [ip, 5432])

  expect(await medusa(own, server)).toBe('open')
  expect(await medusa(other, otherServer)).toBe('silent')
  expect(await reach(world, stranger, [ip, 5432])).toBe('silent')
  expect(await reach(world, platform, [ip, 5432])).toBe('silent')
  // That it can reach anything at all says what the silence is worth.
  expect(await reach(world, platform, [server.ip ?? '', 9000])).toBe('open')
})

test('a store whose database pod is deleted answers again, and knows its orders', async () => {
  const shop = await shopOf(stores.first)
  orderId = (await shop.buy()).orderId
  const release = releaseOf(world, releaseNameOf(stores.first))
  const before = await release.readyPod('database')

  await release.deletePod(before.name)
  const after = await release.readyPod('database', (uid) => uid !== before.uid)

  expect(after.name).toBe(before.name)
  expect((await shop.order(orderId)).id).toBe(orderId)
  expect((await shop.buy()).orderId).not.toBe(orderId)
})

test('a store whose provisioner is killed in mid-helm becomes ready, as one release', async () => {
  const storeId = await world.stores.accepted({ name: 'Third shop', engine: 'medusa' })
  const release = releaseNameOf(storeId)
  await killHelmsman(world, storeId)
  await world.stores.untilStatus(storeId, 'ready', READY_LIMIT_MS)

  const events = await historyOf(world, storeId)
  const attempts = dataOf(events, 'ProvisioningStarted')
  expect(attempts).toMatchObject([{ attempt: 1 }, { attempt: 2, takesOver: attempts[0]?.claimId }])
  expect(dataOf(events, 'StoreProvisioned')).toMatchObject([{ attempt: 2, release }])
  const records = await releaseOf(world, release).records()
  expect(records.filter(({ status }) => status === 'deployed')).toEqual([
    { namespace: release, status: 'deployed' },
  ])
  expect(new Set(records.map(({ namespace }) => namespace))).toEqual(new Set([release]))
})

test('a store is upgraded while customers come, and none goes away without his page', async () => {
  const storeId = stores.first
  const shop = await shopOf(storeId)
  const release = releaseOf(world, releaseNameOf(storeId))
  const before = await release.readyPod('server')
  await world.charts.release('0.2.0')
  const customers = sendCustomers(shop.url, await shop.publishableKey())

  await world.stores.command('POST', `/api/stores/${storeId}/upgrade`)
  const events = await untilLast(log, storeId, 'StoreProvisioned', READY_LIMIT_MS)
  const { sent, lost } = await customers.stop()
  say(`upgraded with ${sent} requests meanwhile`)

  const [, upgraded] = dataOf(events, 'StoreProvisioned')
  expect(upgraded).toMatchObject({ chartVersion: '0.2.0' })
  expect((await release.readyPod('server')).uid).not.toBe(before.uid)
  expect((await shop.order(orderId)).id).toBe(orderId)
  expect(sent).toBeGreaterThan(20)
  expect(lost).toEqual([])
})

test('a deleted store is gone to its last volume, and the one beside it sells on', async () => {
  const storeId = stores.first
  const namespace = releaseNameOf(storeId)
  const volumes = await volumesOf(world, namespace)
  expect(volumes.map(({ folder }) => existsSync(folder))).toEqual([true, true, true])

  await world.stores.command('DELETE', `/api/stores/${storeId}`)
  const events = await untilLast(log, storeId, 'StoreDeleted', READY_LIMIT_MS)

  const [deleted] = dataOf(events, 'StoreDeleted')
  const names = volumes.flatMap(({ name, claim }) => [
    `PersistentVolume/${name}`,
    `PersistentVolumeClaim/${claim}`,
  ])
  expect(deleted?.removed).toEqual(expect.arrayContaining([...names, `Namespace/${namespace}`]))
  expect((await world.api(`/api/v1/namespaces/${namespace}`)).status).toBe(404)
  for (const { name, folder } of volumes) {
    expect((await world.api(`/api/v1/persistentvolumes/${name}`)).status).toBe(404)
    expect(existsSync(folder)).toBe(false)
  }
  expect((await (await shopOf(stores.second)).buy()).orderId).toMatch(/^order_/)
})
