import { beforeEach, describe, expect, test } from 'vitest'
import { admin, KEY, medusa } from '#test/smoke-test/medusa-script'
import { scriptedShop, type Script } from '#test/smoke-test/scripted-shop'
import { placeOrder, type SmokeTest } from '../smoke-test/smoke-test.ts'

const bought = Object.keys(medusa).filter((what) => what !== 'POST /auth/user/emailpass')
let check: Omit<SmokeTest, 'baseUrl'>

beforeEach(() => {
  const { signal } = new AbortController()
  check = { engine: 'medusa', host: 'shop.example.com', signal, limitMs: 10_000, admin }
})

describe('an order in a Medusa shop', () => {
  test('is placed request by request and cancelled by the administrator', async () => {
    await using shop = await scriptedShop(medusa)

    const order = await placeOrder({ ...check, baseUrl: shop.url })

    expect(order).toMatchObject({ orderId: 'order_1', cancelled: true, requests: 16 })
    expect(shop.asked()).toEqual(Object.keys(medusa))
  })

  test('is placed with a given key and no administrator, and then stays', async () => {
    await using shop = await scriptedShop(medusa)

    const given = { ...check, admin: undefined, publishableKey: KEY }
    const order = await placeOrder({ ...given, baseUrl: shop.url })

    expect(order).toMatchObject({ orderId: 'order_1', cancelled: false, requests: 13 })
    expect(shop.asked()).toEqual(bought.filter((what) => !what.includes('/admin/')))
  })

  test('asks as the gateway does, for the sample product, by a customer that nobody is', async () => {
    await using shop = await scriptedShop(medusa)

    await placeOrder({ ...check, baseUrl: shop.url })

    for (const { headers } of shop.heard)
      expect(headers).toMatchObject({ host: 'shop.example.com', 'x-forwarded-proto': 'https' })
    const said = (what: string) => shop.heard.find((heard) => heard.what === what)?.body
    expect(said('POST /store/carts')).toMatchObject({ email: 'smoke-test@storewright.invalid' })
    expect(said('POST /store/carts/cart_1/line-items')).toEqual({
      variant_id: 'variant_2',
      quantity: 1,
    })
    expect(said('POST /store/carts/cart_1')).toMatchObject({
      shipping_address: { country_code: 'at' },
    })
  })

  test('counts though it cannot be cancelled', async () => {
    const cancelled = { 'POST /admin/orders/order_1/cancel': { status: 400 } }
    await using shop = await scriptedShop({ ...medusa, ...cancelled })

    const order = await placeOrder({ ...check, baseUrl: shop.url })

    expect(order).toMatchObject({ orderId: 'order_1', cancelled: false })
  })
})

describe('a Medusa shop does not sell when', () => {
  const page = '<html><body>502 Bad Gateway</body></html>'
  const cases: [string, Script, string][] = [
    [
      'its administrator cannot log in',
      { 'POST /auth/user/emailpass': { status: 401, body: { message: `no ${admin.password}` } } },
      'POST /auth/user/emailpass was answered with 401: no [redacted]',
    ],
    [
      'it has no publishable key',
      { 'GET /admin/api-keys': { body: { api_keys: [] } } },
      'GET /admin/api-keys names no publishable key that is not revoked',
    ],
    [
      'it has no region',
      { 'GET /store/regions': { body: { regions: [] } } },
      'GET /store/regions names no region with a country',
    ],
    [
      'it shows no product with a price',
      { 'GET /store/products': { body: { products: [{ handle: 'x', variants: null }] } } },
      'GET /store/products shows no product that has a price in the region',
    ],
    [
      'it ships nowhere',
      { 'GET /store/shipping-options': { body: { shipping_options: [] } } },
      'GET /store/shipping-options offers no way to ship the cart',
    ],
    [
      'it takes only real money',
      { 'GET /store/payment-providers': { body: { payment_providers: [{ id: 'pp_card_1' }] } } },
      'GET /store/payment-providers does not offer pp_system_default',
    ],
    [
      'completing gives the cart back with 200',
      {
        'POST /store/carts/*/complete': {
          body: { type: 'cart', cart: {}, error: { message: 'Payment authorization failed' } },
        },
      },
      'POST /store/carts/cart_1/complete gave the cart back: Payment authorization failed',
    ],
    [
      'it fails inside',
      { 'POST /store/carts': { status: 500, body: { message: 'An unknown error occurred.' } } },
      'POST /store/carts was answered with 500: An unknown error occurred.',
    ],
    [
      'a page comes where JSON is due',
      { 'GET /store/regions': { body: page } },
      `GET /store/regions was answered with text/html instead of JSON: ${page}`,
    ],
    [
      'a gateway answers for it',
      { 'POST /store/carts': { status: 502, body: page } },
      `POST /store/carts was answered with 502: ${page}`,
    ],
    [
      'an answer lacks what it is for',
      { 'POST /store/carts': { body: { cart: {} } } },
      'POST /store/carts was answered with 200, but the response lacks required fields: cart.id',
    ],
    [
      'an id would lead elsewhere',
      { 'POST /store/carts': { body: { cart: { id: '../admin' } } } },
      'POST /store/carts was answered with 200, but the response lacks required fields: cart.id',
    ],
    [
      'it hangs up',
      { 'GET /store/regions': 'cut' },
      'GET /store/regions was not answered: socket hang up',
    ],
  ]

  test.for(cases)('%s', async ([, change, message]) => {
    // What an exact request says goes before what a pattern says.
    const kept = Object.entries(medusa).filter(
      ([what]) => !what.endsWith('/complete') || !('POST /store/carts/*/complete' in change),
    )
    await using shop = await scriptedShop({ ...Object.fromEntries(kept), ...change })

    const placing = placeOrder({ ...check, baseUrl: shop.url })

    await expect(placing).rejects.toMatchObject({
      code: 'SMOKE_TEST_FAILED',
      retryable: true,
      message: expect.stringContaining(message),
    })
  })

  test('nobody gives it a key', async () => {
    await using shop = await scriptedShop(medusa)

    const placing = placeOrder({ ...check, admin: undefined, baseUrl: shop.url })

    await expect(placing).rejects.toThrow('needs an administrator or a publishable key')
  })
})
