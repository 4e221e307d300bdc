import { randomUUID } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { tenantStream, type TenantEvent } from '#domain'
import { requestStoreBody } from '#contracts'
import { storeBody, storeIn } from '#test/http/client'
import { commandApi } from '#test/http/command-api'
import { testEventStore } from '#test/servers/test-eventstore'
import { createStore } from './create-store.ts'
import { references } from './references.ts'
import { storeQuota } from './store-quota.ts'

const events = await testEventStore()
afterAll(() => events[Symbol.asyncDispose]())

test('a tenant at its limit gets no more stores, and another tenant does', async () => {
  await using api = await commandApi(events.url, { STORES_PER_TENANT_MAX: '2' })
  await api.create()
  await api.create()

  const refused = await api.create()

  expect(refused).toMatchObject({ status: 403, json: { code: 'QUOTA_EXCEEDED', retryable: false } })
  expect(await api.create({ user: 'alice' })).toMatchObject({ status: 202 })
})

test('of many at once, exactly as many are accepted as the tenant has slots', async () => {
  await using api = await commandApi(events.url, { STORES_PER_TENANT_MAX: '7' })

  const answers = await Promise.all(Array.from({ length: 40 }, () => api.create()))

  expect(answers.filter(({ status }) => status === 202)).toHaveLength(7)
  expect(await api.requestedStores()).toHaveLength(7)
})

test('of five hundred at once through two writers, exactly as many are accepted as the quota allows', async () => {
  await using api = await commandApi(events.url)
  const { store, tenant: tenantId } = api
  const now = () => new Date()
  const creates = [1, 2].map(() => {
    const quota = storeQuota({ store, storesMax: 450, now })
    return createStore({ store, quota, references: references({ store, now }) })
  })
  const context = { tenantId, actor: 'user:test', correlationId: 'c' }
  const request = { body: requestStoreBody.parse(storeBody), key: undefined, context }
  const count = () => Promise.resolve()

  const settled = await Promise.allSettled(
    Array.from({ length: 250 }, () =>
      creates.map((create) => create({ ...request, count })),
    ).flat(),
  )

  const refused = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  expect(refused).toHaveLength(50)
  for (const error of refused) expect(error).toMatchObject({ code: 'QUOTA_EXCEEDED' })
  expect(await api.requestedStores()).toHaveLength(450)
  expect(await api.slotEvents()).toHaveLength(450)
})

test('a repetition is answered at the limit too', async () => {
  await using api = await commandApi(events.url, { STORES_PER_TENANT_MAX: '1' })
  const first = await api.create({ key: 'k' })

  const again = await api.create({ key: 'k' })

  expect(again).toMatchObject({ status: 202, text: first.text })
})

test('a slot that is released elsewhere can be used at once', async () => {
  await using api = await commandApi(events.url, { STORES_PER_TENANT_MAX: '1' })
  const first = storeIn(await api.create())
  const releasedAt = new Date().toISOString()
  const data = { storeId: first.id, reason: 'deleted', releasedAt } as const
  const released = { type: 'StoreSlotReleased', data } as const
  await append(api, 0n, released)

  expect(await api.create()).toMatchObject({ status: 202 })
})

test('a slot whose request died before its store was stored is freed when it is needed', async () => {
  await using api = await commandApi(events.url, { STORES_PER_TENANT_MAX: '1' })
  await append(api, 'no_stream', reservation('2026-01-01T00:00:00.000Z'))

  const answer = await api.create()

  expect(answer).toMatchObject({ status: 202 })
  const types = (await api.slotEvents()).map(({ type }) => type)
  expect(types).toEqual(['StoreSlotReserved', 'StoreSlotReleased', 'StoreSlotReserved'])
})

test('a slot that was reserved just now is not taken from the request that holds it', async () => {
  await using api = await commandApi(events.url, { STORES_PER_TENANT_MAX: '1' })
  await append(api, 'no_stream', reservation(new Date().toISOString()))

  expect(await api.create()).toMatchObject({ status: 403 })
})

test('requests beyond the rate are told when to come back', async () => {
  await using api = await commandApi(events.url, { RATE_LIMIT_PER_MINUTE: '2' })
  const first = await api.create()
  await api.create()

  const refused = await api.create()

  expect(first.headers.get('ratelimit-policy')).toBe('"default";q=2;w=60')
  expect(first.headers.get('ratelimit')).toMatch(/^"default";r=1;t=\d+$/)
  expect(refused).toMatchObject({ status: 429, json: { code: 'RATE_LIMITED', retryable: true } })
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await api.requestedStores()).toHaveLength(2)
})

test('a repetition is answered beyond the rate too', async () => {
  await using api = await commandApi(events.url, { RATE_LIMIT_PER_MINUTE: '1' })
  const first = await api.create({ key: 'k' })
  await api.create()

  const again = await api.create({ key: 'k' })

  expect(again).toMatchObject({ status: 202, text: first.text })
})

const reservation = (reservedAt: string): TenantEvent => ({
  type: 'StoreSlotReserved',
  data: { storeId: randomUUID(), reservedAt },
})

type Api = Awaited<ReturnType<typeof commandApi>>

async function append({ store, tenant }: Api, expected: bigint | 'no_stream', event: TenantEvent) {
  const id = randomUUID()
  const who = { correlationId: id, actor: 'worker:test', tenantId: tenant }
  const metadata = { ...who, schemaVersion: 1, commandId: id }
  await store.append(tenantStream(tenant), [{ id, ...event, metadata }], expected)
}
