import { randomUUID } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { schemaVersion } from '#contracts'
import { AppError, storeStream, type StoreEvent } from '#domain'
import type { EventStore } from '#eventstore'
import { storeIn } from '#test/http/client'
import { commandApi } from '#test/http/command-api'
import { testEventStore } from '#test/servers/test-eventstore'
import { changeStore } from './change-store.ts'
import { references } from './references.ts'

const events = await testEventStore()
const api = await commandApi(events.url)
afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await events[Symbol.asyncDispose]()
})

test('a deletion is accepted, and its repetition is answered like it', async () => {
  const store = storeIn(await api.create())

  const first = await api.send('DELETE', `/api/stores/${store.id}`)
  const again = await api.send('DELETE', `/api/stores/${store.id}`)

  expect(first).toMatchObject({ status: 202, json: { store: { status: 'deleting' } } })
  expect(again.status).toBe(202)
  expect([first, again].map(replayed)).toEqual([null, 'true'])
  expect(again.headers.get('etag')).toBe('"1"')
  expect(again.headers.get('x-position')).toBe(first.headers.get('x-position'))
  expect(await typesOf(store.id)).toEqual(['StoreRequested', 'DeletionRequested'])
})

test('a command whose append loses to others is one request for the rate limit', async () => {
  const { id: storeId } = storeIn(await api.create())
  const others = [1, 2].map(() => new AppError('CONCURRENT_MODIFICATION', 'another was first'))
  const busy: EventStore = {
    ...api.store,
    append: async (...args) => {
      const lost = others.pop()
      if (lost !== undefined) throw lost
      return api.store.append(...args)
    },
  }
  let requests = 0
  const now = () => new Date()

  const { view } = await changeStore({
    store: busy,
    quota: { admitChange: async () => {} },
    now,
    references: references({ store: busy, now }),
  })({
    storeId,
    command: { type: 'RequestDeletion' },
    key: undefined,
    preconditions: {},
    context: { tenantId: api.tenant, actor: 'user:test', correlationId: 'c' },
    count: async () => void requests++,
  })

  expect({ status: view.status, requests, left: others.length }).toEqual({
    status: 'deleting',
    requests: 1,
    left: 0,
  })
})

test('a cancelled store that no worker had is failed at once, and can be tried again', async () => {
  const store = storeIn(await api.create())

  const cancelled = await api.send('POST', `/api/stores/${store.id}/cancel`)
  const retried = await api.send('POST', `/api/stores/${store.id}/retry`)

  expect(storeIn(cancelled)).toMatchObject({ status: 'failed', failure: { reason: 'CANCELLED' } })
  expect(storeIn(retried)).toMatchObject({ status: 'requested', failure: null, revision: 3 })
})

test('a command with a key happens once, also when the store has returned to its earlier state', async () => {
  const store = storeIn(await api.create())
  const cancel = () => api.send('POST', `/api/stores/${store.id}/cancel`, { key: 'first-cancel' })
  await cancel()
  await api.send('POST', `/api/stores/${store.id}/retry`)

  const again = await cancel()

  expect(again).toMatchObject({ status: 202, json: { store: { status: 'requested' } } })
  expect(replayed(again)).toBe('true')
  expect(await typesOf(store.id)).toEqual([
    'StoreRequested',
    'CancelRequested',
    'StoreFailed',
    'RetryRequested',
  ])
})

test('one key for two commands to a store makes both', async () => {
  const store = storeIn(await api.create())

  await api.send('POST', `/api/stores/${store.id}/cancel`, { key: 'k' })
  await api.send('POST', `/api/stores/${store.id}/retry`, { key: 'k' })

  expect(await typesOf(store.id)).toContain('RetryRequested')
})

test('what the state of the store does not allow is a conflict', async () => {
  const store = storeIn(await api.create())
  await api.send('DELETE', `/api/stores/${store.id}`)

  const answer = await api.send('POST', `/api/stores/${store.id}/retry`)

  expect(answer).toMatchObject({
    status: 409,
    json: { code: 'STORE_IN_WRONG_STATE', detail: 'A store that is deleting cannot be retried' },
  })
})

test('a command is refused when the store has changed since it was read', async () => {
  const store = storeIn(await api.create())

  const stale = await api.send('DELETE', `/api/stores/${store.id}`, {
    headers: { 'if-match': '"7"' },
  })
  const fresh = await api.send('DELETE', `/api/stores/${store.id}`, {
    headers: { 'if-match': '"0"' },
  })

  expect(stale).toMatchObject({ status: 412, json: { code: 'PRECONDITION_FAILED' } })
  expect(fresh.status).toBe(202)
})

test.for([
  ['If-Match: * is fulfilled by any store', { 'if-match': '*' }, 202],
  ['one tag of a list is enough', { 'if-match': '"7", "0",' }, 202],
  ['a weak tag never matches', { 'if-match': 'W/"0"' }, 412],
  ['no tag of a list matches', { 'if-match': '"7", W/"0"' }, 412],
  ['a tag of another API is a tag', { 'if-match': '"abc,0"' }, 412],
  ['a tag without quotes is none', { 'if-match': '0' }, 400],
  ['a list without a tag is none', { 'if-match': ',' }, 400],
  ['If-None-Match: * is for what does not exist yet', { 'if-none-match': '*' }, 412],
  ['If-None-Match names the state, weakly too', { 'if-none-match': 'W/"0"' }, 412],
  ['If-None-Match names another state', { 'if-none-match': '"7"' }, 202],
] as const)('%s', async ([, headers, status]) => {
  const store = storeIn(await api.create())

  const answer = await api.send('DELETE', `/api/stores/${store.id}`, { headers })

  expect(answer.status).toBe(status)
})

test('a command that happened is answered, whatever its precondition says by now', async () => {
  const store = storeIn(await api.create())
  const cancel = () =>
    api.send('POST', `/api/stores/${store.id}/cancel`, { key: 'k', headers: { 'if-match': '"0"' } })

  expect([(await cancel()).status, (await cancel()).status]).toEqual([202, 202])
})

test('of fifty repetitions at once all but one say so, and they do not count for the rate limit', async () => {
  await using limited = await commandApi(events.url, { RATE_LIMIT_PER_MINUTE: '3' })
  const store = storeIn(await limited.create())
  const cancel = () => limited.send('POST', `/api/stores/${store.id}/cancel`, { key: 'k' })

  const answers = await Promise.all(Array.from({ length: 50 }, cancel))

  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
  expect(answers.map(replayed).filter((said) => said === null)).toHaveLength(1)
  const refused = await limited.send('POST', `/api/stores/${store.id}/upgrade`, { body: {} })
  expect(refused.status).toBe(409)
  const another = await limited.send('POST', `/api/stores/${store.id}/upgrade`, { body: {} })
  expect(another.status).toBe(429)
})

test('an upgrade without a body is told what is needed', async () => {
  const store = storeIn(await api.create())

  const answer = await api.send('POST', `/api/stores/${store.id}/upgrade`)

  expect(answer).toMatchObject({
    status: 400,
    json: { errors: [{ in: 'body', pointer: '', detail: expect.stringContaining('{}') }] },
  })
})

test("another tenant's store is not there", async () => {
  const store = storeIn(await api.create())

  const answer = await api.send('DELETE', `/api/stores/${store.id}`, { user: 'mallory' })

  expect(answer).toMatchObject({ status: 404, json: { code: 'STORE_NOT_FOUND' } })
  expect(await typesOf(store.id)).toEqual(['StoreRequested'])
})

test('a deleted store is gone', async () => {
  const store = storeIn(await api.create())
  const deletedAt = new Date().toISOString()
  await append(store.id, { type: 'StoreDeleted', data: { attempt: 1, removed: [], deletedAt } })

  const answer = await api.send('DELETE', `/api/stores/${store.id}`)

  expect(answer).toMatchObject({ status: 410, json: { code: 'STORE_DELETED' } })
})

test.for([
  ['an id that is none', 'DELETE', '/api/stores/1', 400],
  ['a store that never was', 'DELETE', `/api/stores/${randomUUID()}`, 404],
  ['a method that is not served', 'PUT', `/api/stores/${randomUUID()}`, 405],
] as const)('%s is refused', async ([, method, path, status]) => {
  expect(await api.send(method, path)).toMatchObject({ status, json: { status } })
})

const replayed = ({ headers }: { headers: Headers }) => headers.get('idempotency-replayed')

async function typesOf(storeId: string): Promise<string[]> {
  return (await api.eventsOf(storeId)).map(({ type }) => type)
}

async function append(storeId: string, event: StoreEvent): Promise<void> {
  const id = randomUUID()
  const who = { correlationId: id, actor: 'worker:test', tenantId: api.tenant }
  const metadata = { ...who, schemaVersion, commandId: id }
  await api.store.append(storeStream(storeId), [{ id, ...event, metadata }], 0n)
}
