import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requestStoreBody, schemaVersion } from '#contracts'
import { releaseNameOf, tenantStream } from '#domain'
import { countingCalls } from '#test/event-store-events'
import { storeBody, storeIn } from '#test/http/client'
import { commandApi } from '#test/http/command-api'
import { testEventStore } from '#test/servers/test-eventstore'
import { createStore } from './create-store.ts'
import { references } from './references.ts'
import { storeQuota } from './store-quota.ts'

const events = await testEventStore()
afterAll(() => events[Symbol.asyncDispose]())

test('a request is accepted with the store, its address, its ETag and a position', async () => {
  await using api = await commandApi(events.url)

  const answer = await api.create({ key: 'test-123' })

  expect(answer.status).toBe(202)
  const store = storeIn(answer)
  expect(store).toMatchObject({
    ...storeBody,
    plan: 'small',
    status: 'requested',
    tenantId: api.tenant,
    release: releaseNameOf(store.id),
    namespace: releaseNameOf(store.id),
  })
  expect(answer.headers.get('location')).toBe(`/api/stores/${store.id}`)
  expect(answer.headers.get('retry-after')).toBe('2')
  expect(answer.headers.get('etag')).toBe('"0"')
  const [requested] = await api.requestedStores()
  expect(answer.headers.get('x-position')).toBe(api.tokenOf(requested?.position ?? 0n))
})

test('behind a proxy that takes a path away, links are those that its clients can follow', async () => {
  const PUBLIC_URL = 'https://example.com/storewright/'
  await using api = await commandApi(events.url, { PUBLIC_URL })

  const created = await api.create()

  const path = `/api/stores/${storeIn(created).id}`
  const deleted = await api.send('DELETE', path)
  const location = `https://example.com/storewright${path}`
  expect([created, deleted].map(({ headers }) => headers.get('location'))).toEqual([
    location,
    location,
  ])
})

test.for([
  { TRUSTED_PROXIES: '', address: '127.0.0.1' },
  { TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.7', address: '127.0.0.1' },
  { TRUSTED_PROXIES: '10.0.0.0/8, loopback', address: '203.0.113.9' },
])('with $TRUSTED_PROXIES trusted, events of a forwarded request tell $address', async (given) => {
  const { TRUSTED_PROXIES, address } = given
  await using api = await commandApi(events.url, { TRUSTED_PROXIES })

  const created = await api.create({ headers: { 'x-forwarded-for': '203.0.113.9, 10.1.2.3' } })

  const [event] = await api.eventsOf(storeIn(created).id)
  expect(event?.metadata).toMatchObject({ address })
})

test('what a new shop is set up with is stored and shown, and part of what the key stands for', async () => {
  await using api = await commandApi(events.url, { WOOCOMMERCE_LOCALES: 'en_US, de_CH' })
  const parameters = { country: 'CH', currency: 'CHF', timeZone: 'Europe/Zurich', locale: 'de_CH' }

  const created = await api.create({ key: 'k', body: withParameters(parameters) })
  const other = await api.create({ key: 'k', body: withParameters({ country: 'AT' }) })

  expect(storeIn(created)).toMatchObject({ parameters })
  const [event] = await api.eventsOf(storeIn(created).id)
  expect(event?.data).toMatchObject({ parameters })
  expect(other).toMatchObject({ status: 422, json: { code: 'IDEMPOTENCY_KEY_REUSED' } })
})

test('a language that the installation does not have is refused, with those it has', async () => {
  await using api = await commandApi(events.url)

  const answer = await api.create({ body: withParameters({ locale: 'de_CH' }) })

  expect(answer).toMatchObject({ status: 400, json: { code: 'REQUEST_INVALID' } })
  expect(answer.text).toContain('en_US')
  expect(answer.text).toContain('WOOCOMMERCE_LOCALES')
})

test('a name is kept in one Unicode form, without blanks around it', async () => {
  await using api = await commandApi(events.url)

  const answer = await api.create({ key: 'k', body: { ...storeBody, name: ' Cafe\u0301 ' } })
  const again = await api.create({ key: 'k', body: { ...storeBody, name: 'Caf\u00e9' } })

  expect(storeIn(answer).name).toBe('Caf\u00e9')
  expect(again).toMatchObject({ status: 202, text: answer.text })
})

test('a repetition gets the first answer, byte for byte, and says so', async () => {
  await using api = await commandApi(events.url)
  const first = await api.create({ key: 'k' })

  const again = await api.create({ key: '"k"' })

  expect(again).toMatchObject({ status: 202, text: first.text })
  expect(again.headers.get('idempotency-replayed')).toBe('true')
  expect(again.headers.get('x-position')).toBe(first.headers.get('x-position'))
  expect(await api.requestedStores()).toHaveLength(1)
})

test.for([
  ['a String', '"a b"', 202],
  ['the same as a token', 'k-1', 202],
  ['an escaped quote', String.raw`"a\"b"`, 202],
  ['a date and a path', '2026-01-01T00:00:00Z/1', 202],
  ['255 characters', 'x'.repeat(255), 202],
  ['256 characters', 'x'.repeat(256), 400],
  ['nothing between the quotes', '""', 400],
  ['blanks without quotes', 'a b', 400],
  ['two keys', 'a, b', 400],
  ['two Strings', '"a", "b"', 400],
  ['a parameter', '"a";p=1', 400],
  ['a quote that is not closed', '"a', 400],
  ['an escape that is none', String.raw`"a\b"`, 400],
  ['a quote in a token', 'a"b', 400],
] as const)('as Idempotency-Key, %s is answered with its status', async ([, key, status]) => {
  await using api = await commandApi(events.url)

  expect((await api.create({ key })).status).toBe(status)
})

test('the key in two lines is no key, and nothing happens', async () => {
  await using api = await commandApi(events.url)

  for (const keys of [
    ['a', 'b'],
    ['"a', 'b"'],
    ['a', 'a'],
  ]) {
    const sent = request(`${api.url}/api/stores`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': keys },
    }).end(JSON.stringify(storeBody))
    const [answer] = await once(sent, 'response')
    answer.resume()
    expect(answer.statusCode).toBe(400)
  }

  expect(await api.requestedStores()).toEqual([])
})

test('a repetition is answered like the first while the store has gone on, and after its deletion', async () => {
  await using api = await commandApi(events.url)
  const first = await api.create({ key: 'k' })
  await api.send('DELETE', `/api/stores/${storeIn(first).id}`)

  const again = await api.create({ key: 'k' })

  expect(again.text).toBe(first.text)
})

test('a repetition is answered like the first when the slot of the deleted store was released', async () => {
  await using api = await commandApi(events.url, { STORES_PER_TENANT_MAX: '1' })
  const first = await api.create({ key: 'k' })
  const { id: storeId } = storeIn(first)
  await releaseSlot(api, storeId)
  await api.create()

  const again = await api.create({ key: 'k' })

  expect(again).toMatchObject({ status: 202, text: first.text })
  expect(await api.slotEvents()).toHaveLength(3)
})

test('a create reads nothing, and its repetition reads the stream of its store once', async () => {
  await using api = await commandApi(events.url)
  const { store, calls } = countingCalls(api.store)
  const now = () => new Date()
  const quota = storeQuota({ store, storesMax: 10, now })
  const create = createStore({ store, quota, references: references({ store, now }) })
  const context = { tenantId: api.tenant, actor: 'user:test', correlationId: 'c' }
  const body = requestStoreBody.parse(storeBody)
  const cost = async (key?: string) => {
    const before = { ...calls }
    await create({ body, key, context, count: async () => {} })
    return [calls.reads - before.reads, calls.appends - before.appends]
  }

  // The tenant's own stream is read by its first request.
  expect(await cost()).toEqual([1, 2])
  expect(await cost('a')).toEqual([0, 2])
  expect(await cost()).toEqual([0, 2])
  expect(await cost('a')).toEqual([1, 0])
})

test('F4: of fifty at once with one key, all get the same answer and one store exists', async () => {
  await using api = await commandApi(events.url)

  const answers = await Promise.all(Array.from({ length: 50 }, () => api.create({ key: 'k' })))

  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  const replayed = answers.map(({ headers }) => headers.get('idempotency-replayed'))
  expect(replayed.filter((said) => said === null)).toHaveLength(1)
  expect(await api.requestedStores()).toHaveLength(1)
  expect(await api.slotEvents()).toHaveLength(1)
})

test('repetitions do not count for the rate limit, also while the first is under way', async () => {
  await using api = await commandApi(events.url, { RATE_LIMIT_PER_MINUTE: '2' })

  const answers = await Promise.all(Array.from({ length: 50 }, () => api.create({ key: 'k' })))

  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
  expect((await api.create()).status).toBe(202)
  expect((await api.create()).status).toBe(429)
})

test('F4: of fifty at once with one key and two bodies, one body wins and the other is refused', async () => {
  await using api = await commandApi(events.url)
  const names = ['One', 'Two']

  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      api.create({ key: 'k', body: { ...storeBody, name: names[i % 2] } }),
    ),
  )

  const accepted = answers.filter(({ status }) => status === 202)
  const refused = answers.filter(({ status }) => status === 422)
  expect([accepted.length, refused.length]).toEqual([25, 25])
  expect(new Set(accepted.map(({ text }) => text)).size).toBe(1)
  expect(new Set(refused.map(({ json }) => json['code']))).toEqual(
    new Set(['IDEMPOTENCY_KEY_REUSED']),
  )
  expect(await api.requestedStores()).toHaveLength(1)
})

test('F5: one key of two tenants makes two stores', async () => {
  await using api = await commandApi(events.url)

  const [one, two] = await Promise.all([
    api.create({ key: 'k', user: 'alice' }),
    api.create({ key: 'k', user: 'bob' }),
  ])

  expect(storeIn(one).id).not.toBe(storeIn(two).id)
  expect([storeIn(one).tenantId, storeIn(two).tenantId]).toEqual(['alice', 'bob'])
})

test('without a key, each request is a store of its own', async () => {
  await using api = await commandApi(events.url)

  const answers = await Promise.all(Array.from({ length: 30 }, () => api.create()))

  expect(new Set(answers.map((answer) => storeIn(answer).id)).size).toBe(30)
  expect(await api.requestedStores()).toHaveLength(30)
})

test('the events carry who asked, the correlation id and the trace', async () => {
  await using api = await commandApi(events.url)
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const headers = { 'x-correlation-id': 'trace-123', traceparent }

  const answer = await api.create({ user: 'alice', headers })

  expect(answer.headers.get('x-correlation-id')).toBe('trace-123')
  const [event] = await api.eventsOf(storeIn(answer).id)
  expect(event?.metadata).toMatchObject({
    correlationId: 'trace-123',
    actor: 'user:alice',
    tenantId: 'alice',
    schemaVersion: 1,
    traceparent,
  })
})

async function releaseSlot({ store, tenant }: Api, storeId: string): Promise<void> {
  const id = randomUUID()
  const who = { correlationId: id, actor: 'worker:test', tenantId: tenant }
  const data = { storeId, reason: 'deleted', releasedAt: new Date().toISOString() }
  const metadata = { ...who, schemaVersion, commandId: id }
  const event = { id, type: 'StoreSlotReleased', data, metadata }
  await store.append(tenantStream(tenant), [event], 0n)
}

const withParameters = (parameters: object) => ({ ...storeBody, parameters })
const ofMedusa = (parameters: object) => ({ ...withParameters(parameters), engine: 'medusa' })

type Api = Awaited<ReturnType<typeof commandApi>>

describe('a request that is not valid', () => {
  let api: Api
  beforeAll(async () => {
    api = await commandApi(events.url)
  })
  afterAll(() => api[Symbol.asyncDispose]())

  test.for([
    ['a name that a shell would run', { ...storeBody, name: 'Test; rm -rf /' }, '/name'],
    ['a name that a template would run', { ...storeBody, name: '{{ .Values }}' }, '/name'],
    ['a name with a line break', { ...storeBody, name: 'a\nb' }, '/name'],
    ['an empty name', { ...storeBody, name: '' }, '/name'],
    ['a blank name', { ...storeBody, name: '   ' }, '/name'],
    ['a name that is a number', { ...storeBody, name: 7 }, '/name'],
    ['a list', [], ''],
    ['51 characters', { ...storeBody, name: 'x'.repeat(51) }, '/name'],
    ['half a character', { ...storeBody, name: 'a\ud800' }, '/name'],
    ['an unknown engine', { ...storeBody, engine: 'magento' }, '/engine'],
    ['an unknown plan', { ...storeBody, plan: 'huge' }, '/plan'],
    ['an unknown field', { ...storeBody, url: 'x' }, '/url'],
    ['no name', { engine: 'medusa' }, '/name'],
    ['a country nobody knows', withParameters({ country: 'ZZ' }), '/parameters/country'],
    ['a country in small letters', withParameters({ country: 'de' }), '/parameters/country'],
    ['a currency nobody knows', withParameters({ currency: 'XXX' }), '/parameters/currency'],
    ['an offset for a time zone', withParameters({ timeZone: '+01:00' }), '/parameters/timeZone'],
    ['a time zone nobody knows', withParameters({ timeZone: 'Mars/Base' }), '/parameters/timeZone'],
    ['a locale that a shell would run', withParameters({ locale: 'de;id' }), '/parameters/locale'],
    ['an unknown parameter', withParameters({ theme: 'x' }), '/parameters/theme'],
    ['a time zone for medusa', ofMedusa({ timeZone: 'UTC' }), '/parameters/timeZone'],
    ['a currency medusa does not know', ofMedusa({ currency: 'FJD' }), '/parameters/currency'],
    ['a country for medusa alone', ofMedusa({ country: 'CH' }), '/parameters/currency'],
  ] as const)('%s is refused, and nothing happens', async ([, body, pointer]) => {
    const answer = await api.create({ body, key: 'k' })

    expect(answer.status).toBe(400)
    expect(answer.json).toMatchObject({
      code: 'REQUEST_INVALID',
      errors: [{ in: 'body', pointer }],
    })
    expect(answer.text).not.toMatch(/Invalid|expected|received|undefined/)
    expect(await api.slotEvents()).toEqual([])
  })
})
