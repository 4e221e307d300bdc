import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { realMedusa } from '#test/medusa/real-medusa'
import { ownedDatabase } from '#test/servers/owned-database'
import { type SmokeTest, placeOrder, browseToCheckout } from './smoke-test.ts'

let shop: Awaited<ReturnType<typeof realMedusa>>
let check: SmokeTest

beforeAll(async () => {
  shop = await realMedusa(await ownedDatabase())
  const { url: baseUrl, admin } = shop
  const { signal } = new AbortController()
  const host = 'shop.example.com'
  check = { engine: 'medusa', baseUrl, host, signal, limitMs: 60_000, admin }
})
afterAll(() => shop?.[Symbol.asyncDispose]())

test('a real Medusa sells: its order is placed, marked and cancelled', async () => {
  const order = await placeOrder(check)

  expect(order).toMatchObject({ cancelled: true, requests: 16 })
  expect(await orderOf(order.orderId)).toEqual({
    status: 'canceled',
    email: 'smoke-test@storewright.invalid',
  })
  const { setUpMs, startMs, redis } = shop
  say('smoke test of a real Medusa', { ...order, setUpMs, startMs, redis })
})

test('a second check places a second order, and the key alone is enough', async () => {
  const { publishableKey } = await keyOf()

  const order = await placeOrder({ ...check, admin: undefined, publishableKey })

  expect(order).toMatchObject({ cancelled: false, requests: 13 })
  expect(await orderOf(order.orderId)).toMatchObject({ status: 'pending' })
  say('smoke test of a warm Medusa', order)
})

test('a real Medusa is browsed to its checkout, and no order is added', async () => {
  const before = await ordersOf()

  const browsed = await browseToCheckout(check)

  expect(browsed).toEqual({ requests: 10, durationMs: expect.any(Number) })
  expect(await ordersOf()).toBe(before)
  say('browse through a real Medusa', browsed)
})

test('an owner with another password ends the visit, and the shop still passes', async () => {
  const browsed = await browseToCheckout({
    ...check,
    admin: { ...shop.admin, password: 'another1' },
  })

  expect(browsed.endedBy).toContain('was answered with 401')
})

test('a wrong password is refused by name and not shown', async () => {
  const admin = { ...shop.admin, password: 'notThePassword1' }

  const placing = placeOrder({ ...check, admin })

  await expect(placing).rejects.toThrow(
    'POST /auth/user/emailpass was answered with 401: Invalid email or password',
  )
})

test('a key nobody made is refused by name', async () => {
  const placing = placeOrder({ ...check, admin: undefined, publishableKey: 'pk_unknown' })

  await expect(placing).rejects.toThrow('GET /store/regions was answered with 400')
})

test('a shop whose products are gone does not sell', async () => {
  const { products } = await asAdmin(
    '/admin/products',
    z.object({ products: z.array(z.object({ id: z.string() })) }),
  )
  for (const { id } of products) await asAdmin(`/admin/products/${id}`, z.unknown(), 'DELETE')

  await expect(placeOrder(check)).rejects.toThrow(
    'GET /store/products shows no product that has a price in the region',
  )
})

test('set-up and sales write nothing into the application, whose file system is read-only', async () => {
  expect(await shop.written()).toEqual([])
})

function say(what: string, figures: object): void {
  process.stdout.write(`${what}: ${JSON.stringify(figures)}\n`)
}

async function keyOf() {
  const schema = z.object({ api_keys: z.array(z.object({ token: z.string() })) })
  const { api_keys } = await asAdmin('/admin/api-keys?type=publishable', schema)
  return { publishableKey: api_keys[0]?.token }
}

async function ordersOf(): Promise<number> {
  return (await asAdmin('/admin/orders?limit=1', z.object({ count: z.int() }))).count
}

async function orderOf(id: string): Promise<unknown> {
  const order = z.object({ status: z.string(), email: z.string() })
  return (await asAdmin(`/admin/orders/${id}?fields=status,email`, z.object({ order }))).order
}

async function asAdmin<T>(path: string, schema: z.ZodType<T>, method = 'GET'): Promise<T> {
  const login = await fetch(`${shop.url}/auth/user/emailpass`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(shop.admin),
  })
  const { token } = z.object({ token: z.string() }).parse(await login.json())
  const headers = { authorization: `Bearer ${token}` }
  return schema.parse(await (await fetch(shop.url + path, { method, headers })).json())
}
