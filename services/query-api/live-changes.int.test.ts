import { afterAll, expect, test } from 'vitest'
import { deletion } from '#test/http/historian'
import { eventSource } from '#test/http/event-source'
import { testIssuer } from '#test/servers/test-issuer'
import { queryApi } from '#test/http/query-api'

const api = await queryApi({ LIVE_HEARTBEAT_MS: '200' })
afterAll(() => api[Symbol.asyncDispose]())

test('each change of a store arrives as it happens, and of no other tenant', async () => {
  await using live = await eventSource(api)
  await live.next('open')

  await api.requestStore({ tenantId: 'mallory' })
  const { storeId, position } = await api.requestStore()
  const requested = await live.next('store')
  await api.append(storeId, deletion().slice(0, 1), 0n)
  const deleted = await live.next('store')

  expect(requested).toMatchObject({
    id: api.tokenOf(position),
    data: { id: storeId, status: 'requested', tenantId: api.tenant },
  })
  expect(deleted).toMatchObject({ data: { id: storeId, status: 'deleting' } })
})

test('a stream of one store tells of no other, and of none that is another tenant’s', async () => {
  const [followed, foreign] = [
    await api.requestStore(),
    await api.requestStore({ tenantId: 'mallory' }),
  ]
  await api.send('GET', '/api/stores', {
    headers: { 'x-position': api.tokenOf(followed.position) },
  })
  await using live = await eventSource(api, {}, `?store=${followed.storeId}`)
  await live.next('open')
  await using none = await eventSource(api, {}, `?store=${foreign.storeId}`)
  await none.next('open')

  await api.requestStore()
  await api.append(foreign.storeId, deletion().slice(0, 1), 0n)
  await api.append(followed.storeId, deletion().slice(0, 1), 0n)

  expect(await live.next('store')).toMatchObject({
    data: { id: followed.storeId, status: 'deleting' },
  })
  // Nothing but heartbeats.
  expect(await none.next('store', 'comment')).toMatchObject({ data: 'heartbeat' })
})

test.for(['x', '*', '../1'])('a stream of the store %s is refused', async (store) => {
  const answer = await api.send('GET', `/api/stores/stream?store=${encodeURIComponent(store)}`)

  expect(answer).toMatchObject({ status: 400, json: { code: 'REQUEST_INVALID' } })
})

test('a client that comes back gets what it missed, and not what it has', async () => {
  const before = await api.requestStore()
  const missed = await api.requestStore()
  await api.send('GET', '/api/stores', { headers: { 'x-position': api.tokenOf(missed.position) } })

  await using live = await eventSource(api, { 'last-event-id': api.tokenOf(before.position) })

  expect(await live.next('store')).toMatchObject({ data: { id: missed.storeId } })
})

test.for([
  ['a position that the log has not reached', (): string => api.tokenOf(2n ** 62n)],
  ['a token of another key', (): string => 'abcdefghijklmnopqrstuA'],
  ['a number', (): string => '999999999999'],
] as const)('a client from before a reset is told to begin again: %s', async ([, id]) => {
  const { position } = await api.requestStore()
  await api.send('GET', '/api/stores', { headers: { 'x-position': api.tokenOf(position) } })

  await using live = await eventSource(api, { 'last-event-id': id() })

  const [open, reset] = [await live.next('open'), await live.next('reset')]
  expect(api.positionOf(open.id)).toBe(position)
  expect(api.positionOf(reset.id)).toBe(position)
  const { storeId } = await api.requestStore()
  expect(await live.next('store')).toMatchObject({ data: { id: storeId } })
})

test.for(['9223372036854775808', 'x', '-1'])('Last-Event-ID %s is refused', async (id) => {
  const answer = await api.send('GET', '/api/stores/stream', { headers: { 'last-event-id': id } })

  expect(answer).toMatchObject({ status: 400, json: { code: 'REQUEST_INVALID' } })
})

test('while nothing happens, a heartbeat keeps the connection', async () => {
  await using live = await eventSource(api)

  expect(await live.next('comment')).toMatchObject({ data: 'heartbeat' })
})

test('a tenant holds a bounded number of streams open', async () => {
  const open = await Promise.all(Array.from({ length: 50 }, () => eventSource(api)))

  const refused = await api.send('GET', '/api/stores/stream')

  expect(refused).toMatchObject({ status: 429, json: { code: 'RATE_LIMITED' } })
  await Promise.all(open.map((live) => live[Symbol.asyncDispose]()))
})

test('a stream ends when the token of its client expires', async () => {
  await using issuer = await testIssuer()
  const { issuer: AUTH_ISSUER, audience: AUTH_AUDIENCE, jwksUrl: AUTH_JWKS_URL } = issuer
  await using guarded = await queryApi({ AUTH: 'jwt', AUTH_ISSUER, AUTH_AUDIENCE, AUTH_JWKS_URL })
  const token = await issuer.token(guarded.tenant, ['read'], '2s')

  const live = await eventSource(guarded, { authorization: `Bearer ${token}` })

  expect(await live.ended).toBe(true)
})

test('closing the service ends the streams', async () => {
  const closing = await queryApi()
  const live = await eventSource(closing)

  await closing[Symbol.asyncDispose]()

  expect(await live.ended).toBe(true)
})
