import { randomUUID } from 'node:crypto'
import { testEventStore } from '#test/servers/test-eventstore'
import { EventStoreDBClient } from '@eventstore/db-client'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { EventStore } from './event-store.ts'
import { openEventStore } from './open-event-store.ts'
import { collect, newEvents, newStream } from '#test/event-store-events'

let server: Awaited<ReturnType<typeof testEventStore>>
let store: EventStore
beforeAll(async () => {
  server = await testEventStore()
  store = openEventStore({ connectionString: server.url })
})
afterAll(async () => {
  await store.close()
  await server[Symbol.asyncDispose]()
})

async function systemEvent(): Promise<void> {
  const client = EventStoreDBClient.connectionString(server.url)
  await client.setStreamMetadata(newStream(), { maxCount: 9 })
  await client.dispose()
}

test('an empty log has no head', async () => {
  expect(await store.head()).toBeUndefined()
})

test('what is appended is read back with its place and time', async () => {
  const stream = newStream()
  const [event, ...more] = newEvents(2)
  if (!event) throw new Error('no event')

  const appended = await store.append(stream, [event, ...more], 'no_stream')

  const read = await collect(store.readStream(stream))
  expect(read[0]).toMatchObject({ ...event, stream, revision: 0n })
  expect(new Date(read[0]?.recordedAt ?? '').toISOString()).toBe(read[0]?.recordedAt)
  expect(appended).toEqual({ revision: 1n, position: read[1]?.position })
})

test('an append at a revision the stream has left is a conflict that says where it is', async () => {
  const stream = newStream()
  await store.append(stream, newEvents(3), 'no_stream')

  const late = store.append(stream, newEvents(), 0n)

  await expect(late).rejects.toMatchObject({
    code: 'CONCURRENT_MODIFICATION',
    details: { stream, expected: '0', actual: '2' },
  })
})

test('the same append sent again is the same success', async () => {
  const stream = newStream()
  const events = newEvents(2)
  const first = await store.append(stream, events, 'no_stream')
  await store.append(stream, newEvents(), 1n)

  expect(await store.append(stream, events, 'no_stream')).toEqual(first)
  expect(await collect(store.readStream(stream))).toHaveLength(3)
})

test('a stream can be read in part', async () => {
  const stream = newStream()
  await store.append(stream, newEvents(5), 'no_stream')
  const revisions = async (options: Parameters<EventStore['readStream']>[1]) =>
    (await collect(store.readStream(stream, options))).map((event) => Number(event.revision))

  expect(await revisions({ from: 2n, maxCount: 2 })).toEqual([2, 3])
  expect(await revisions({ maxCount: 1 })).toEqual([0])
})

test('a missing stream yields nothing', async () => {
  expect(await collect(store.readStream(newStream()))).toEqual([])
})

test('a tombstoned stream is said to be deleted', async () => {
  const stream = newStream()
  const client = EventStoreDBClient.connectionString(server.url)
  await client.tombstoneStream(stream)
  await client.dispose()

  await expect(collect(store.readStream(stream))).rejects.toMatchObject({ code: 'STREAM_DELETED' })
  const appending = store.append(stream, newEvents(), 'no_stream')
  await expect(appending).rejects.toMatchObject({ code: 'STREAM_DELETED' })
})

test('the whole log is read behind a position, without system events', async () => {
  const stream = newStream()
  const { position } = await store.append(stream, newEvents(), 'no_stream')
  const events = newEvents(3)
  await store.append(stream, events.slice(0, 1), 0n)
  await systemEvent()
  await store.append(stream, events.slice(1), 1n)

  const read = await collect(store.readAll({ after: position ?? 0n }))

  expect(read.map((event) => event.id)).toEqual(events.map((event) => event.id))
})

test('the head is the newest event that is not a system event, however many follow it', async () => {
  const [event] = newEvents()
  if (!event) throw new Error('no event')
  const { position } = await store.append(newStream(), [event], 'no_stream')
  for (let n = 0; n < 70; n++) await systemEvent()

  expect(await store.head()).toEqual({ position, id: event.id })
})

test('an event is found at its position and at no other', async () => {
  const [event] = newEvents()
  if (!event) throw new Error('no event')
  const { position = 0n } = await store.append(newStream(), [event], 'no_stream')

  expect(await store.eventAt(position)).toMatchObject({ id: event.id, position })
  expect(await store.eventAt(position - 1n)).toBeUndefined()
  expect(await store.eventAt(position + 1_000_000n)).toBeUndefined()
})

test('a read that is left early takes nothing from the next', async () => {
  const stream = newStream()
  await store.append(stream, newEvents(500), 'no_stream')
  for (let n = 0; n < 20; n++)
    for await (const event of store.readStream(stream)) {
      expect(event.revision).toBe(0n)
      break
    }

  await expect(store.ping(5_000)).resolves.toBeUndefined()
})

test('an aborted read ends with the reason', async () => {
  const signal = AbortSignal.abort(new Error('enough'))

  await expect(collect(store.readStream(newStream(), { signal }))).rejects.toThrow('enough')
  await expect(store.append(newStream(), newEvents(), 'no_stream', { signal })).rejects.toThrow(
    'enough',
  )
})

test('stores of one process share what appends, and the last one closes it', async () => {
  const other = openEventStore({ connectionString: server.url })
  await other.append(newStream(), newEvents(), 'no_stream')
  await other.close()
  await other.close()

  await expect(store.append(newStream(), newEvents(), 'no_stream')).resolves.toBeDefined()
})

test.each([
  ['none at all', 'nonsense'],
  ['one that hides conflicts', 'esdb://127.0.0.1:2113?tls=false&throwOnAppendFailure=false'],
  ['one of the next client', 'kurrentdb://127.0.0.1:2113?tls=false'],
  ['one with an unknown option', 'esdb://ann:secret@127.0.0.1:2113?tls=false&retries=3'],
])('a connection string that is %s is refused', (_case, connectionString) => {
  expect(() => openEventStore({ connectionString })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID' }),
  )
})

test('a connection string that is refused does not show its password', () => {
  const written = vi.spyOn(console, 'warn')
  for (const end of ['?tls=false&retries=3', '?tls', ':x:y?tls=false']) {
    const open = () =>
      openEventStore({ connectionString: `esdb://ann:secret@127.0.0.1:2113${end}` })
    expect(open).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', cause: undefined }))
  }
  expect(written).not.toHaveBeenCalled()
})

test('an append with an id that is none reaches nobody', async () => {
  const [event] = newEvents()
  if (!event) throw new Error('no event')
  const bad = { ...event, id: `not-${randomUUID()}` }

  await expect(store.append(newStream(), [bad], 'no_stream')).rejects.toMatchObject({
    code: 'EVENT_STORE_REJECTED',
  })
})
