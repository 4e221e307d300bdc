import { KubeConfig } from '@kubernetes/client-node'
import { createLogger } from '#observability'
import { expect, test } from 'vitest'
import { sampleTarget } from '#test/provisioner/sample-target'
import { admin, medusa } from '#test/smoke-test/medusa-script'
import { scriptedShop } from '#test/smoke-test/scripted-shop'
import type { ApiAnswer } from '../api/client.ts'
import type { Cluster } from '../context.ts'
import { placeTestOrder, browseStore } from './smoke-test.ts'
import { diagnoseRelease } from './observe.ts'

const b64 = (text: string) => Buffer.from(text).toString('base64')
const data = { 'admin-email': b64(admin.email), 'admin-password': b64(admin.password) }
const { signal } = new AbortController()

test('the order is placed where the template leads, with the account of the store', async () => {
  await using shop = await scriptedShop(medusa)
  const urlTemplate = shop.url.replace('127.0.0.1', '{release}')
  const cluster = clusterSaying({ status: 200, body: { data } })

  const order = await placeTestOrder(cluster, target, { urlTemplate, limitMs: 10_000, signal })

  expect(order).toMatchObject({ orderId: 'order_1', cancelled: true })
  expect(shop.heard[0]?.headers.host).toBe('shop.example.com')
})

test('a shop that sells already is browsed where the template leads, and nothing is ordered', async () => {
  await using shop = await scriptedShop(medusa)
  const urlTemplate = shop.url.replace('127.0.0.1', '{release}')
  const cluster = clusterSaying({ status: 200, body: { data } })

  const browsed = await browseStore(cluster, target, { urlTemplate, limitMs: 10_000, signal })

  expect(browsed).toEqual({ requests: 10, durationMs: expect.any(Number) })
  expect(shop.asked()).not.toContain('POST /store/carts/cart_1/complete')
})

test('a store whose Secret is gone cannot be sold in', async () => {
  const cluster = clusterSaying({ status: 404, body: {} })

  const checking = placeTestOrder(cluster, target, {
    urlTemplate: 'http://x',
    limitMs: 1_000,
    signal,
  })

  await expect(checking).rejects.toMatchObject({
    code: 'SMOKE_TEST_FAILED',
    message: 'store-secret is gone',
  })
})

test('a cluster that refuses every look is told by what helm said', async () => {
  const cluster = clusterSaying({ status: 403, body: { message: 'forbidden' } })
  const ended = { code: 1, signal: null, stderr: 'Error: context deadline exceeded', durationMs: 5 }

  const failure = await diagnoseRelease(cluster, { target, ended, signal })

  expect(failure).toMatchObject({ reason: 'TIMEOUT' })
  expect(failure.detail).toContain(
    'pods (GET /api/v1/namespaces/127.0.0.1/pods was answered with 403',
  )
})

const target = { ...sampleTarget, release: '127.0.0.1' }

/** A cluster whose API server has one answer. */
function clusterSaying(answer: ApiAnswer): Cluster {
  const never = () => Promise.reject(new Error('Nobody runs helm here'))
  return {
    api: () => Promise.resolve(answer),
    credentials: new KubeConfig(),
    withNamespaceAccess: (_, work) => work(),
    helm: { run: never, checkVersion: never },
    workDir: '/nowhere',
    chartsDir: '/nowhere',
    plansDir: '/nowhere',
    helmLimitMs: 1,
    removalLimitMs: 1,
    routeLimitMs: 1_000,
    logger: createLogger({ service: 'test', level: 'silent' }),
  }
}
