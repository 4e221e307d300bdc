import { randomUUID } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { schemaVersion } from '#contracts'
import { storeStream, type StoreEvent } from '#domain'
import { storeIn } from '#test/http/client'
import { commandApi } from '#test/http/command-api'
import { testEventStore } from '#test/servers/test-eventstore'

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
  expect(again.headers.get('etag')).toBe('"1"')
  expect(again.headers.get('x-position')).toBe(first.headers.get('x-position'))
  expect(await typesOf(store.id)).toEqual(['StoreRequested', 'DeletionRequested'])
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
  const cancel = () => api.send('POST', `/api/stores/${store.id}/cancel`, { key: 'first cancel' })
  await cancel()
  await api.send('POST', `/api/stores/${store.id}/retry`)

  const again = await cancel()

  expect(again).toMatchObject({ status: 202, json: { store: { status: 'requested' } } })
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

async function typesOf(storeId: string): Promise<string[]> {
  return (await api.eventsOf(storeId)).map(({ type }) => type)
}

async function append(storeId: string, event: StoreEvent): Promise<void> {
  const id = randomUUID()
  const who = { correlationId: id, actor: 'worker:test', tenantId: api.tenant }
  const metadata = { ...who, schemaVersion, commandId: id }
  await api.store.append(storeStream(storeId), [{ id, ...event, metadata }], 0n)
}
