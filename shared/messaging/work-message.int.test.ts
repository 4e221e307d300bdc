import { eventStreamName, eventSubject } from '#contracts'
import { eventually } from '#test/eventually'
import { testMessaging } from '#test/servers/test-messaging'
import { testNats } from '#test/servers/test-nats'
import { headers, type NatsConnection } from 'nats'
import { expect, test } from 'vitest'
import type { Messaging } from './messaging.ts'
import { ensureTopology } from './ensure-topology.ts'
import { headerNames } from './work-message.ts'
import { nextWork } from './pull.ts'

const never = new AbortController().signal
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

async function next(messaging: Messaging, expiresMs = 10_000) {
  return nextWork(messaging, { signal: never, expiresMs })
}

async function taken(messaging: Messaging) {
  const work = await next(messaging)
  if (work === undefined) throw new Error('no message came')
  return work
}

async function publish(connection: NatsConnection, storeId: string): Promise<void> {
  const named = headers()
  named.set(headerNames.eventId, `event-of-${storeId}`)
  named.set(headerNames.correlationId, 'trace-123')
  named.set(headerNames.traceparent, traceparent)
  const subject = eventSubject(storeId, 0n, 'StoreRequested')
  await connection.jetstream().publish(subject, '{}', { headers: named })
}

test('a message says which store and event it is about, and in answer to what', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  await publish(nats.connection, 's1')

  expect(await next(messaging)).toMatchObject({
    storeId: 's1',
    subject: 'evt.s1.0.StoreRequested',
    deliveries: 1,
    streamSequence: 1,
    correlationId: 'trace-123',
    traceparent,
    eventId: 'event-of-s1',
  })
})

test('a message whose worker dies is delivered again after the ack wait', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  await publish(nats.connection, 's1')
  await next(messaging)

  expect(await next(messaging)).toMatchObject({ storeId: 's1', deliveries: 2 })
})

test('a message whose worker goes on is delivered to nobody else', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  await publish(nats.connection, 's1')
  const work = await taken(messaging)
  const renewing = setInterval(() => void work.working(), 200)

  expect(await next(messaging, 3_000)).toBeUndefined()
  clearInterval(renewing)
})

test('a message whose ack was confirmed is not delivered again', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  await publish(nats.connection, 's1')

  expect(await (await taken(messaging)).ack()).toBe(true)

  expect(await next(messaging, 2_000)).toBeUndefined()
})

test('a returned message is delivered again after its delay, and a parked one never', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  await publish(nats.connection, 's1')

  const first = await taken(messaging)
  first.requeueAfter(50)
  const second = await taken(messaging)
  second.park('its chart is gone')

  expect(second.deliveries).toBe(2)
  expect(await next(messaging, 2_000)).toBeUndefined()
})

test('without NATS nothing is confirmed', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  await publish(nats.connection, 's1')
  const work = await taken(messaging)

  nats.freeze()
  await eventually(() => expect(messaging.ping(100)).rejects.toThrow('does not answer'))
  const [working, acked] = await Promise.all([work.working(), work.ack()])
  nats.thaw()

  expect([working, acked]).toEqual([false, false])
})

test('after a reconnection a delivery that still exists is confirmed and settled', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  await publish(nats.connection, 's1')
  const work = await taken(messaging)
  await messaging.connection.reconnect()
  await eventually(() => expect(messaging.connects()).toBe(2))

  expect(await work.working()).toBe(true)
  expect(await work.ack()).toBe(true)
  expect(await next(messaging, 3_000)).toBeUndefined()
})

test('F30: a delivery of a wiped stream settles no message of the new one', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  await publish(nats.connection, 'old')
  const work = await taken(messaging)
  const manager = await nats.connection.jetstreamManager()
  await manager.streams.delete(eventStreamName)
  await nats.kill()
  await nats.restart()
  await eventually(() => expect(messaging.connects()).toBe(2))
  await ensureTopology(messaging)
  await publish(nats.connection, 'new')
  const other = await taken(messaging)
  expect(other).toMatchObject({ storeId: 'new', streamSequence: work.streamSequence })

  work.requeueAfter(0)
  expect(await work.ack()).toBe(true)

  expect(await next(messaging)).toMatchObject({ storeId: 'new', deliveries: 2 })
})
