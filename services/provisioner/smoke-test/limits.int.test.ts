import { expect, test } from 'vitest'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { scriptedShop } from '#test/smoke-test/scripted-shop'
import { woocommerce } from '#test/smoke-test/woocommerce-script'
import { placeOrder, type SmokeTest } from './smoke-test.ts'

const API = '/?rest_route=/wc/store/v1'
const check: Omit<SmokeTest, 'baseUrl'> = {
  engine: 'woocommerce',
  host: 'shop.example.com',
  signal: new AbortController().signal,
  limitMs: 10_000,
}

test('a shop that is not open yet is asked again until it is', async () => {
  const door = [{ status: 503, body: '' }, 'cut' as const]
  const opening = { 'GET /': () => door.shift() ?? { body: '<html>' } }
  await using shop = await scriptedShop({ ...woocommerce, ...opening })

  const order = await placeOrder({ ...check, baseUrl: shop.url })

  expect(order).toMatchObject({ orderId: '12', requests: 12 })
})

test('a shop that stays closed is given up at the limit, with the last thing it said', async () => {
  await using shop = await scriptedShop({ 'GET /': { status: 503, body: 'no endpoints' } })

  const placing = placeOrder({ ...check, baseUrl: shop.url, limitMs: 300 })

  await expect(placing).rejects.toThrow('GET / was answered with 503: no endpoints')
})

test('a shop nobody serves is given up at the limit, with the reason', async () => {
  const baseUrl = `http://127.0.0.1:${await freePort()}`

  const placing = placeOrder({ ...check, baseUrl, limitMs: 300 })

  await expect(placing).rejects.toThrow('GET / was not answered: connect ECONNREFUSED')
})

test('a shop that does not answer is left at the limit of the whole check', async () => {
  await using shop = await scriptedShop({ ...woocommerce, [`POST ${API}/checkout`]: 'hang' })

  const placing = placeOrder({ ...check, baseUrl: shop.url, limitMs: 1_000 })

  await expect(placing).rejects.toThrow(`POST ${API}/checkout was not answered within 1000 ms`)
})

test('a check that is stopped ends at once with the reason of the stop', async () => {
  const stop = new AbortController()
  const hanging = { ...woocommerce, [`GET ${API}/cart`]: stopping }
  await using shop = await scriptedShop(hanging)
  function stopping() {
    stop.abort(new Error('The lease is lost'))
    return 'hang' as const
  }

  const placing = placeOrder({ ...check, baseUrl: shop.url, signal: stop.signal })

  await expect(placing).rejects.toThrow('The lease is lost')
})

test('an answer without end is not read to its end', async () => {
  const endless = { body: 'x'.repeat(5 * 1024 * 1024) }
  await using shop = await scriptedShop({ ...woocommerce, [`GET ${API}/products`]: endless })

  const placing = placeOrder({ ...check, baseUrl: shop.url })

  await expect(placing).rejects.toThrow(
    `GET ${API}/products was not answered: the answer has more than 4194304 bytes`,
  )
})

test('a shop behind a path is asked below it', async () => {
  const moved = Object.entries(woocommerce).map(([what, reply]) => [
    what.replace(' /', ' /proxy/'),
    reply,
  ])
  await using shop = await scriptedShop(Object.fromEntries(moved))

  const order = await placeOrder({ ...check, baseUrl: `${shop.url}/proxy/` })

  expect(order.orderId).toBe('12')
})
