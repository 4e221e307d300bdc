import { expect, test } from 'vitest'
import { admin, medusa } from '#test/smoke-test/medusa-script'
import { scriptedShop, type Reply, type Script } from '#test/smoke-test/scripted-shop'
import { woocommerce } from '#test/smoke-test/woocommerce-script'
import { walkShop } from './smoke-test.ts'

const API = '/wp-json/wc/store/v1'
const { signal } = new AbortController()
const general = { host: 'shop.example.com', signal, limitMs: 10_000 }

const walkIn = async (engine: 'medusa' | 'woocommerce', change: Script = {}) => {
  await using shop = await scriptedShop({ ...scripts[engine], ...change })
  const walked = await walkShop({ ...general, engine, baseUrl: shop.url, admin })
  return { walked, asked: shop.asked() }
}
const scripts = { medusa, woocommerce }

test('a WooCommerce shop is walked through to the till: the cart is filled, nothing is checked out', async () => {
  const { walked, asked } = await walkIn('woocommerce')

  expect(walked).toEqual({ requests: 5, durationMs: expect.any(Number) })
  expect(asked).toEqual([
    'GET /',
    `GET ${API}/products`,
    `POST ${API}/cart/add-item`,
    `GET ${API}/cart`,
    `POST ${API}/cart/add-item`,
  ])
})

test('a Medusa shop is walked through to the till: the cart can be shipped, nothing is paid or completed', async () => {
  const { walked, asked } = await walkIn('medusa')

  expect(walked).toEqual({ requests: 10, durationMs: expect.any(Number) })
  expect(asked.at(-1)).toBe('POST /store/carts/cart_1/shipping-methods')
  expect(asked.filter((what) => /payment|complete/.test(what))).toEqual([])
})

const owners: ['medusa' | 'woocommerce', string, Reply, string][] = [
  [
    'woocommerce',
    `GET ${API}/products`,
    { body: [] },
    `GET ${API}/products shows no product that can be bought`,
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
  'what an owner of a %s shop may have chosen with %s ends the walk and is told',
  async ([engine, what, reply, endedBy]) => {
    const { walked } = await walkIn(engine, { [what]: reply })

    expect(walked).toMatchObject({ endedBy })
  },
)

const broken: ['medusa' | 'woocommerce', string, Reply, string][] = [
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
  'a %s shop that does not work at %s fails the check',
  async ([engine, what, reply, message]) => {
    await expect(walkIn(engine, { [what]: reply })).rejects.toMatchObject({
      code: 'ORDER_CHECK_FAILED',
      message: expect.stringContaining(message),
    })
  },
)
