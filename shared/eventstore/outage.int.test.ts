import { eventually } from '#test/eventually'
import { testEventStore } from '#test/servers/test-eventstore'
import { expect, test } from 'vitest'
import { openEventStore } from './open-event-store.ts'
import { collect, follow, newEvents, newStream } from '#test/event-store-events'

async function storeAndServer(timeoutMs?: number) {
  const server = await testEventStore()
  const store = openEventStore({
    connectionString: server.url,
    ...(timeoutMs !== undefined && { timeoutMs }),
  })
  return {
    server,
    store,
    async [Symbol.asyncDispose]() {
      await store.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

test('appends in flight when the event store is killed are all done once it is back', async () => {
  await using es = await storeAndServer(25_000)
  const streams = Array.from({ length: 50 }, newStream)
  await es.store.append(newStream(), newEvents(), 'no_stream')
  const appends = streams.map(async (stream) => {
    await es.store.append(stream, newEvents(2), 'no_stream')
    await es.store.append(stream, newEvents(1), 1n)
  })

  await es.server.kill()
  await es.server.restart()
  await Promise.all(appends)

  for (const stream of streams) expect(await collect(es.store.readStream(stream))).toHaveLength(3)
})

test('an append and a read while the event store is down fail as retryable, in time', async () => {
  await using es = await storeAndServer(300)
  await es.server.kill()
  const unavailable = { code: 'EVENT_STORE_UNAVAILABLE', retryable: true }

  const append = es.store.append(newStream(), newEvents(), 'no_stream')
  await expect(append).rejects.toMatchObject(unavailable)
  await expect(collect(es.store.readStream(newStream()))).rejects.toMatchObject(unavailable)
  await expect(es.store.ping(300)).rejects.toMatchObject(unavailable)

  await es.server.restart()
  await eventually(() => es.store.ping(1_000))
})

test('an append to an event store that hangs ends in time, and is not done twice when it comes back', async () => {
  await using es = await storeAndServer(300)
  const stream = newStream()
  const events = newEvents()
  await eventually(() => es.store.append(newStream(), newEvents(), 'no_stream'))
  es.server.freeze()
  const hung = es.store.append(stream, events, 'no_stream')
  await expect(hung).rejects.toMatchObject({ code: 'EVENT_STORE_UNAVAILABLE', retryable: true })
  await expect(es.store.ping(100)).rejects.toMatchObject({ code: 'EVENT_STORE_UNAVAILABLE' })
  es.server.thaw()

  await eventually(() => es.store.append(stream, events, 'no_stream'))

  expect(await collect(es.store.readStream(stream))).toHaveLength(1)
})

test('an append whose event store hangs for a while is done without the caller noticing', async () => {
  await using es = await storeAndServer(25_000)
  const stream = newStream()
  await es.store.append(newStream(), newEvents(), 'no_stream')
  es.server.freeze()
  const hung = es.store.append(stream, newEvents(2), 'no_stream')
  await expect(es.store.ping(100)).rejects.toMatchObject({ code: 'EVENT_STORE_UNAVAILABLE' })
  es.server.thaw()

  expect(await hung).toMatchObject({ revision: 1n })
  expect(await collect(es.store.readStream(stream))).toHaveLength(2)
})

test('a subscription goes on behind what it saw when the event store comes back', async () => {
  await using es = await storeAndServer(25_000)
  const before = newEvents(40)
  await es.store.append(newStream(), before, 'no_stream')
  await using following = follow(es.store)
  await eventually(() => expect(following.caughtUp()).toBe(true))
  await es.server.kill()
  await es.server.restart()
  const after = newEvents(3)

  await es.store.append(newStream(), after, 'no_stream')

  const expected = [...before, ...after].map((event) => event.id)
  await eventually(() => expect(following.ids()).toEqual(expected))
})
