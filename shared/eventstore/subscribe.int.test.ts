import { eventually } from '#test/eventually'
import { testEventStore } from '#test/servers/test-eventstore'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EventStore } from './event-store.ts'
import { openEventStore } from './open-event-store.ts'
import { follow, newEvents, newStream } from '#test/event-store-events'

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

async function endOfLog(): Promise<bigint> {
  return (await store.append(newStream(), newEvents(), 'no_stream')).position ?? 0n
}

test('caught up comes exactly behind what was there, then what happens', async () => {
  const after = await endOfLog()
  const [first, second] = [newEvents(300), newEvents(2)]
  await store.append(newStream(), first, 'no_stream')
  await using following = follow(store, after)
  await eventually(() => expect(following.caughtUp()).toBe(true))
  expect(following.items.findIndex((item) => 'caughtUp' in item)).toBe(300)

  await store.append(newStream(), second, 'no_stream')

  const expected = [...first, ...second].map((event) => event.id)
  await eventually(() => expect(following.ids()).toEqual(expected))
})

test('system events are left out, and a checkpoint passes them by', async () => {
  const after = await endOfLog()
  const client = EventStoreDBClient.connectionString(server.url)
  const events = Array.from({ length: 1_100 }, () => jsonEvent({ type: '$noise', data: {} }))
  await client.appendToStream(newStream(), events)
  await client.dispose()

  await using following = follow(store, after)

  await eventually(() => expect(following.caughtUp()).toBe(true))
  const [checkpoint] = following.items
  expect(following.ids()).toEqual([])
  expect(checkpoint).toEqual({ checkpoint: expect.any(BigInt) })
})

test('a slow reader is sent everything in order', async () => {
  const after = await endOfLog()
  const events = newEvents(600)
  await store.append(newStream(), events, 'no_stream')
  const controller = new AbortController()
  const ids: string[] = []

  for await (const item of store.subscribeToAll({ after, signal: controller.signal })) {
    if ('id' in item) ids.push(item.id)
    await new Promise(setImmediate)
    if ('caughtUp' in item) controller.abort()
  }

  expect(ids).toEqual(events.map((event) => event.id))
})

test('a reader that leaves ends its subscription', async () => {
  const signal = new AbortController().signal
  await store.append(newStream(), newEvents(300), 'no_stream')
  for await (const item of store.subscribeToAll({ signal })) if ('id' in item) break

  await expect(store.ping(5_000)).resolves.toBeUndefined()
})

test('nothing is followed once aborted', async () => {
  const items = []
  for await (const item of store.subscribeToAll({ signal: AbortSignal.abort() })) items.push(item)

  expect(items).toEqual([])
})
