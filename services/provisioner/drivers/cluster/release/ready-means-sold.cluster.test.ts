import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { releaseNameOf } from '#domain'
import {
  changedCharts,
  clusterWorld,
  platformCluster,
  type PlatformCluster,
} from '#test/cluster/cluster-world'
import { dataOf, untilLast } from '#test/store-history'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { medusa } from '#test/smoke-test/medusa-script'
import { scriptedShop, type Heard } from '#test/smoke-test/scripted-shop'
import { woocommerce } from '#test/smoke-test/woocommerce-script'

let cluster: PlatformCluster

beforeAll(async () => {
  cluster = await platformCluster()
})
afterAll(() => cluster[Symbol.asyncDispose]())

test('a Medusa store is ready after its administrator saw an order go through its Service', async () => {
  const login = ({ body }: Heard) => ({ body: { token: 'token-of-the-administrator', body } })
  await using shop = await scriptedShop({ ...medusa, 'POST /auth/user/emailpass': login })
  await using world = await clusterWorld(cluster)
  await world.provisionHere(asking(shop.url))

  const storeId = await world.request({ engine: 'medusa' })
  const events = await untilLast(world, storeId, 'StoreProvisioned')

  const smokeTest = { orderId: 'order_1', cancelled: true, requests: 16 }
  expect(dataOf(events, 'StoreProvisioned')).toMatchObject([{ adopted: false, smokeTest }])
  expect(dataOf(events, 'ProvisioningStepRecorded')).toMatchObject([
    { step: 'install' },
    { step: 'smoke-test', detail: smokeTest },
  ])
  const host = `${releaseNameOf(storeId)}.stores.localhost`
  const [said] = shop.heard.filter(({ what }) => what === 'POST /auth/user/emailpass')
  expect(said).toMatchObject({
    headers: { host },
    body: { email: `admin@${host}`, password: expect.stringMatching(/^[A-Za-z0-9]{32}$/) },
  })
  const { password } = z.object({ password: z.string() }).parse(said?.body)
  expect(JSON.stringify(events)).not.toContain(password)
})

test('a store that does not sell is not ready; when it sells it is, without another run of helm', async () => {
  const page = { body: '<!DOCTYPE html>' }
  const outOfOrder = { status: 500, body: { code: 'internal', message: 'The checkout is broken' } }
  const broken = { 'POST /?rest_route=/wc/store/v1/checkout': outOfOrder, 'GET /product/*/': page }
  const script = { ...woocommerce, ...broken }
  await using shop = await scriptedShop(script)
  await using world = await clusterWorld(cluster)
  await world.provisionHere({ ...asking(shop.url), RETRY_DELAYS_MS: '100' })

  const storeId = await world.request({ engine: 'woocommerce' })
  const failed = await untilLast(world, storeId, 'StoreFailed')
  Object.assign(script, { ...woocommerce, 'GET /product/*/': page })
  await world.send(storeId, { type: 'RequestRetry', now: new Date().toISOString() })
  await world.notify(storeId)
  const events = await untilLast(world, storeId, 'StoreProvisioned')

  expect(dataOf(failed, 'StoreFailed')).toMatchObject([
    {
      reason: 'SMOKE_TEST_FAILED',
      detail:
        'POST /?rest_route=/wc/store/v1/checkout was answered with 500: internal: The checkout is broken',
    },
  ])
  expect(dataOf(events, 'StoreProvisioned')).toMatchObject([
    { adopted: true, smokeTest: { orderId: '12', cancelled: false } },
  ])
  const steps = dataOf(events, 'ProvisioningStepRecorded').map(({ step }) => step)
  expect(steps.filter((step) => step === 'install')).toHaveLength(1)
})

test('a store that cannot run says why, by the rights of the provisioner alone', async () => {
  await using world = await clusterWorld(cluster)
  const charts = await changedCharts(world, async (path) => {
    const file = join(path, 'values.yaml')
    const values = await readFile(file, 'utf8')
    await writeFile(file, values.replace(/server: .*/, 'server: sim.invalid/imagepull:1'))
  })
  await world.provisionHere({ CHARTS_DIR: charts, HELM_LIMIT_MS: '18000' })

  const storeId = await world.request({ engine: 'medusa' })
  const events = await untilLast(world, storeId, 'StoreFailed')

  expect(dataOf(events, 'ProvisioningAttemptFailed')).toEqual([])
  expect(dataOf(events, 'StoreFailed')).toMatchObject([
    {
      attempt: 1,
      reason: 'IMAGE_PULL',
      retryable: false,
      detail: expect.stringMatching(
        /^pod \S+-server-\S+, container \S+, image sim.invalid\/imagepull:1: ImagePullBackOff/,
      ),
      nextAction: expect.stringContaining('retry the store'),
    },
  ])
})

function asking(url: string): Record<string, string> {
  return { SMOKE_TEST: 'on', SMOKE_TEST_URL: url }
}
