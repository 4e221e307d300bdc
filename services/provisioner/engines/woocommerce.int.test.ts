import { beforeEach, describe, expect, test } from 'vitest'
import { type Reply, scriptedShop, type Script } from '#test/smoke-test/scripted-shop'
import { CART_TOKEN, TEST_ORDER, woocommerce } from '#test/smoke-test/woocommerce-script'
import { openShop } from '../smoke-test/shop.ts'
import { placeOrder, type SmokeTest } from '../smoke-test/smoke-test.ts'
import { woocommerce as engine } from './woocommerce.ts'

const API = '/?rest_route=/wc/store/v1'
let check: Omit<SmokeTest, 'baseUrl'>

beforeEach(() => {
  const { signal } = new AbortController()
  check = { engine: 'woocommerce', host: 'shop.example.com', signal, limitMs: 10_000 }
})

describe('an order in a WooCommerce shop', () => {
  test('is placed with a Cart-Token and stays', async () => {
    await using shop = await scriptedShop(woocommerce)

    const order = await placeOrder({ ...check, baseUrl: shop.url })

    expect(order).toMatchObject({ orderId: '12', cancelled: false, requests: 10 })
    expect(shop.asked()).toEqual([
      'GET /',
      `GET ${API}/products`,
      'GET /product/sample-product/',
      `POST ${API}/cart/add-item`,
      `GET ${API}/cart`,
      `POST ${API}/cart/add-item`,
      TEST_ORDER,
      `POST ${API}/cart/update-customer`,
      `POST ${API}/checkout`,
      `GET ${API}/order/12`,
    ])
  })

  test('is of the sample product, by a customer that nobody is, and says what it is', async () => {
    await using shop = await scriptedShop(woocommerce)

    await placeOrder({ ...check, baseUrl: shop.url })

    const said = (what: string) => shop.heard.findLast((heard) => heard.what === what)?.body
    expect(said(`POST ${API}/cart/add-item`)).toEqual({ id: 10, quantity: 1 })
    expect(said(`POST ${API}/checkout`)).toMatchObject({
      billing_address: { email: 'smoke-test@storewright.invalid', country: 'AT' },
      payment_method: 'cod',
      customer_note: expect.stringContaining('test order'),
    })
  })

  test('is placed whatever permalinks the owner has chosen', async () => {
    const moved = { status: 301, headers: { location: 'https://shop.example.com/' }, body: '' }
    await using shop = await scriptedShop({
      ...woocommerce,
      'GET /': moved,
      'GET /wp-json/*': moved,
    })

    expect(await placeOrder({ ...check, baseUrl: shop.url })).toMatchObject({ orderId: '12' })
  })

  test('is waited for longer than any other answer, for a second one would be another order', async () => {
    await using shop = await scriptedShop(woocommerce, { [`POST ${API}/checkout`]: 2_000 })
    const options = { ...check, baseUrl: shop.url, secrets: [], requestLimitMs: 1_500 }

    expect(await engine.placeOrder(openShop(options), {})).toMatchObject({ orderId: '12' })
  })

  test.for<[string, Reply]>([
    ['the connection', 'cut'],
    ['a gateway', { status: 504, body: '' }],
  ])(
    'whose answer %s has lost is found by the emptied cart, and not placed again',
    async ([, lost]) => {
      const full = {
        headers: { 'Cart-Token': CART_TOKEN },
        body: { items: [{}], payment_methods: [] },
      }
      const empty = { body: { items: [], payment_methods: [] } }
      const carts = [full, full, empty]
      const losing = {
        [`POST ${API}/checkout`]: lost,
        [`GET ${API}/cart`]: () => carts.shift() ?? empty,
      }
      await using shop = await scriptedShop({ ...woocommerce, ...losing })

      const order = await placeOrder({ ...check, baseUrl: shop.url })

      expect(order).toMatchObject({ orderId: 'unknown', cancelled: false })
      expect(shop.asked().filter((what) => what.endsWith('/checkout'))).toHaveLength(1)
    },
  )

  test('that sold in a test which had no time left for the answer is found by the next test, and not placed again', async () => {
    let sold = false
    const selling = () => {
      sold = true
      return 'hang' as const
    }
    const found = () => (sold ? { body: { order_id: 13 } } : { status: 404, body: {} })
    const late = { [`POST ${API}/checkout`]: selling, [TEST_ORDER]: found }
    await using shop = await scriptedShop({ ...woocommerce, ...late })
    const { url: baseUrl } = shop

    await expect(placeOrder({ ...check, baseUrl, limitMs: 1_500 })).rejects.toThrow('not answered')
    const order = await placeOrder({ ...check, baseUrl })

    expect(order).toMatchObject({ orderId: '13', cancelled: false })
    expect(shop.asked().filter((what) => what.endsWith('/checkout'))).toHaveLength(1)
  })
})

describe('a WooCommerce shop does not sell when', () => {
  const checkout = { order_id: 12, order_key: 'k', status: 'processing' }
  const cases: [string, Script, string][] = [
    [
      'it lets strangers fill a cart',
      { [`POST ${API}/cart/add-item`]: { status: 201, body: {} } },
      `POST ${API}/cart/add-item without a token was answered with 201, not with 401`,
    ],
    [
      'its window is empty',
      { [`GET ${API}/products`]: { body: [] } },
      `GET ${API}/products shows no product that can be bought`,
    ],
    [
      'its pages say "coming soon"',
      {
        'GET /product/*/': {
          body: `<html><head><meta name='woo-coming-soon-page' content='yes'></head></html>`,
        },
      },
      'GET /product/sample-product/ shows "coming soon" instead of the product',
    ],
    [
      'the page of the product breaks',
      { 'GET /product/*/': { status: 500, body: 'critical error' } },
      'GET /product/sample-product/ was answered with 500: critical error',
    ],
    [
      'its database is down',
      {
        [`GET ${API}/products`]: { status: 500, body: 'Error establishing a database connection' },
      },
      `GET ${API}/products was answered with 500: Error establishing a database connection`,
    ],
    [
      'it hands out no Cart-Token',
      { [`GET ${API}/cart`]: { body: {} } },
      `GET ${API}/cart gave no Cart-Token`,
    ],
    [
      'it cannot show a cart',
      { [`GET ${API}/cart`]: { status: 500, body: 'There has been a critical error' } },
      `GET ${API}/cart was answered with 500: There has been a critical error`,
    ],
    [
      'filling a cart breaks it',
      { [`POST ${API}/cart/add-item`]: { status: 500, body: { code: 'internal', message: 'no' } } },
      `POST ${API}/cart/add-item was answered with 500: internal: no`,
    ],
    [
      'nobody may pay on delivery',
      {
        [`POST ${API}/cart/add-item`]: ({ headers }) =>
          'cart-token' in headers
            ? { body: { items: [{}], payment_methods: ['stripe'] } }
            : { status: 401 },
      },
      `POST ${API}/cart/add-item offers stripe to pay with, not cod`,
    ],
    [
      'the payment fails',
      {
        [`POST ${API}/checkout`]: {
          body: { ...checkout, payment_result: { payment_status: 'failure' } },
        },
      },
      `POST ${API}/checkout ended with the payment failure`,
    ],
    [
      'the order is left waiting',
      {
        [`POST ${API}/checkout`]: {
          body: { ...checkout, status: 'pending', payment_result: { payment_status: 'success' } },
        },
      },
      `POST ${API}/checkout made an order that is pending`,
    ],
    [
      'the checkout is refused, and the answer tells the token',
      {
        [`POST ${API}/checkout`]: {
          status: 400,
          body: { code: 'woocommerce_rest_error', message: `Bad ${CART_TOKEN}` },
        },
      },
      `POST ${API}/checkout was answered with 400: woocommerce_rest_error: Bad [redacted]`,
    ],
    [
      'the order cannot be read',
      { [`GET ${API}/order/12`]: { status: 404, body: { message: 'gone' } } },
      `GET ${API}/order/12 was answered with 404: gone`,
    ],
  ]

  test.for(cases)('%s', async ([, change, message]) => {
    await using shop = await scriptedShop({ ...woocommerce, ...change })

    const placing = placeOrder({ ...check, baseUrl: shop.url })

    await expect(placing).rejects.toMatchObject({ code: 'SMOKE_TEST_FAILED', message })
  })

  test('it is asked under a name that is not its own', async () => {
    await using shop = await scriptedShop(woocommerce)

    const placing = placeOrder({ ...check, host: 'other.example.com', baseUrl: shop.url })

    await expect(placing).rejects.toThrow(
      'GET /product/sample-product/ shows no product but was answered with 301',
    )
  })
})
