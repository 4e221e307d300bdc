import { eventStreamName, eventSubject, provisionersConsumer } from '#contracts'
import { eventually } from '#test/eventually'
import { testMessaging } from '#test/servers/test-messaging'
import { testNats } from '#test/servers/test-nats'
import type { NatsConnection } from 'nats'
import { expect, test } from 'vitest'
import type { Messaging } from './messaging.ts'
import { nextWork } from './pull.ts'
import { notify } from './notify.ts'

const never = new AbortController().signal
const next = (messaging: Messaging, expiresMs = 10_000) =>
  nextWork(messaging, { signal: never, expiresMs })
const publish = (connection: NatsConnection, storeId: string, type = 'StoreRequested') =>
  connection.jetstream().publish(eventSubject(storeId, 0n, type), '{}')

test('only events that ask for work, and notifications, are delivered', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  await publish(nats.connection, 'asked')
  await publish(nats.connection, 'ready', 'StoreProvisioned')
  await notify(messaging, 'notified', 'once')

  const stores = [await next(messaging), await next(messaging), await next(messaging, 100)]

  expect(stores.map((work) => work?.storeId)).toEqual(['asked', 'notified', undefined])
})

test('two workers with several messages each share the queue, each message delivered once', async () => {
  await using nats = await testNats()
  await using first = await testMessaging(nats.url)
  await using second = await testMessaging(nats.url)
  const stores = Array.from({ length: 40 }, (_, i) => `s${i}`)
  const loops = [first, first, second, second].map((messaging) => async () => {
    const seen: string[] = []
    for (let work; (work = await next(messaging, 500)) !== undefined;) {
      seen.push(work.storeId)
      await work.ack()
    }
    return seen
  })

  const working = loops.map((loop) => loop())
  for (const store of stores) await publish(nats.connection, store)

  expect((await Promise.all(working)).flat().toSorted()).toEqual(stores.toSorted())
})

test('F29: a worker that waits while nats-server is killed gets what is published afterwards', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  const waiting = next(messaging, 20_000)

  await nats.kill()
  await nats.restart()
  await publish(nats.connection, 's1')

  expect((await waiting)?.storeId).toBe('s1')
})

test('a deleted consumer is made again by the worker that waits for it', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  const waiting = next(messaging)
  const manager = await nats.connection.jetstreamManager()

  await manager.consumers.delete(eventStreamName, provisionersConsumer)
  await publish(nats.connection, 's1')

  expect((await waiting)?.storeId).toBe('s1')
})

test('F30: a wiped stream is made again by the worker that waits for it, with its own times', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  const waiting = next(messaging)
  const manager = await nats.connection.jetstreamManager()
  const before = await manager.consumers.info(eventStreamName, provisionersConsumer)

  await manager.streams.delete(eventStreamName)
  await eventually(() => publish(nats.connection, 's1'))

  expect((await waiting)?.storeId).toBe('s1')
  const after = await manager.consumers.info(eventStreamName, provisionersConsumer)
  expect(after.config.ack_wait).toBe(before.config.ack_wait)
})

test('a worker that stops waiting leaves the next message to others, at its first delivery', async () => {
  await using nats = await testNats()
  await using stopping = await testMessaging(nats.url)
  await using staying = await testMessaging(nats.url)
  const stop = new AbortController()
  const waiting = nextWork(stopping, { signal: stop.signal, expiresMs: 10_000 })
  await eventually(async () => expect((await consumerInfo(nats.connection)).num_waiting).toBe(1))

  stop.abort()
  expect(await waiting).toBeUndefined()
  // The two come over different connections: the server must know first that nobody waits.
  await stopping.connection.flush()
  await publish(nats.connection, 's1')

  expect(await next(staying)).toMatchObject({ storeId: 's1', deliveries: 1 })
})

test('no error ends the wait while NATS is away', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  await nats.kill()

  expect(await next(messaging, 600)).toBeUndefined()
})

test('a notification counts once for one reason, and is an error when NATS does not accept it', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  await notify(messaging, 's1', 'reason-1')
  await notify(messaging, 's1', 'reason-1')
  await (await next(messaging))?.ack()

  expect(await next(messaging, 100)).toBeUndefined()
  await (await nats.connection.jetstreamManager()).streams.delete(eventStreamName)
  await expect(notify(messaging, 's1', 'reason-2')).rejects.toMatchObject({
    code: 'MESSAGING_UNAVAILABLE',
    retryable: true,
  })
})

async function consumerInfo(connection: NatsConnection) {
  const manager = await connection.jetstreamManager()
  return manager.consumers.info(eventStreamName, provisionersConsumer)
}
