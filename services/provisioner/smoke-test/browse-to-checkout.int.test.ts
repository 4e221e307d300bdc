import type { Engine } from '#domain'
import { expect, test } from 'vitest'
import { admin, medusa } from '#test/smoke-test/medusa-script'
import { scriptedShop, type Reply, type Script } from '#test/smoke-test/scripted-shop'
import { woocommerce } from '#test/smoke-test/woocommerce-script'
import { browseToCheckout } from './smoke-test.ts'

const API = '/?rest_route=/wc/store/v1'
const { signal } = new AbortController()
const general = { host: 'shop.example.com', signal, limitMs: 10_000 }

const browse = async (engine: Engine, change: Script = {}) => {
  await using shop = await scriptedShop({ ...scripts[engine], ...change })
  const browsed = await browseToCheckout({ ...general, engine, baseUrl: shop.url, admin })
  return { browsed, asked: shop.asked() }
}
const scripts: Record<Engine, Script> = { medusa, woocommerce }

test('a WooCommerce shop is browsed to its checkout: the cart is filled, nothing is checked out', async () => {
  const { browsed, asked } = await browse('woocommerce')

  expect(browsed).toEqual({ requests: 6, durationMs: expect.any(Number) })
  expect(asked).toEqual([
    'GET /',
    `GET ${API}/products`,
    'GET /product/sample-product/',
    `POST ${API}/cart/add-item`,
    `GET ${API}/cart`,
    `POST ${API}/cart/add-item`,
  ])
})

test('a Medusa shop is browsed to its checkout: the cart can be shipped, nothing is paid or completed', async () => {
  const { browsed, asked } = await browse('medusa')

  expect(browsed).toEqual({ requests: 10, durationMs: expect.any(Number) })
  expect(asked.at(-1)).toBe('POST /store/carts/cart_1/shipping-methods')
  expect(asked.filter((what) => /payment|complete/.test(what))).toEqual([])
})

const owners: [Engine, string, Reply, string][] = [
  [
    'woocommerce',
    `GET ${API}/products`,
    { body: [] },
    `GET ${API}/products shows no product that can be bought`,
  ],
  [
    'woocommerce',
    'GET /product/*/',
    { body: '<meta name="woo-coming-soon-page" content="yes">' },
    'GET /product/sample-product/ shows "coming soon" instead of the product',
  ],
  [
    'medusa',
    'POST /auth/user/emailpass',
    { status: 401, body: { message: 'Invalid email or password' } },
    'POST /auth/user/emailpass was answered with 401: Invalid email or password',
  ],
  [
    'medusa',
    'GET /store/shipping-options',
    { body: { shipping_options: [] } },
    'GET /store/shipping-options offers no way to ship the cart',
  ],
]

test.for(owners)(
  'what an owner of a %s shop may have chosen with %s ends the visit and is reported',
  async ([engine, what, reply, endedBy]) => {
    const { browsed } = await browse(engine, { [what]: reply })

    expect(browsed).toMatchObject({ endedBy })
  },
)

const broken: [Engine, string, Reply, string][] = [
  ['woocommerce', 'GET /', { status: 500, body: 'critical error' }, 'GET / was answered with 500'],
  [
    'woocommerce',
    `GET ${API}/products`,
    { status: 404, body: { code: 'rest_no_route', message: 'No route' } },
    'was answered with 404: rest_no_route',
  ],
  ['woocommerce', `GET ${API}/cart`, { status: 500, body: '' }, 'was answered with 500'],
  ['medusa', 'GET /store/regions', 'cut', 'GET /store/regions was not answered'],
  ['medusa', 'POST /store/carts', { body: '<html>' }, 'instead of JSON'],
]

test.for(broken)(
  'a %s shop that does not work at %s fails the smoke test',
  async ([engine, what, reply, message]) => {
    await expect(browse(engine, { [what]: reply })).rejects.toMatchObject({
      code: 'SMOKE_TEST_FAILED',
      message: expect.stringContaining(message),
    })
  },
)
