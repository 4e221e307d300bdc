import { eventSubject } from '#contracts'
import { createLogger } from '#observability'
import { testNats } from '#test/test-nats'
import { expect, test } from 'vitest'
import { connectMessaging, ensureTopology, nextWork, wake, openLeases } from '../index.ts'

const logger = createLogger({ service: 'test', level: 'warn' })
const signal = new AbortController().signal

test('a wake call reaches a free slot', async () => {
  await using nats = await testNats()
  const messaging = await connectMessaging({ url: nats.url, name: 'test', logger })
  await ensureTopology(messaging)
  await wake(messaging, 's1', 'd1')
  await messaging.connection.jetstream().publish(eventSubject('s2', 0n, 'StoreRequested'), '{}')
  await messaging.connection
    .jetstream()
    .publish(eventSubject('s2', 1n, 'ProvisioningStarted'), '{}')
  const a = await nextWork(messaging, { signal, expiresMs: 1000 })
  const b = await nextWork(messaging, { signal, expiresMs: 1000 })
  const c = await nextWork(messaging, { signal, expiresMs: 1000 })
  expect([a?.storeId, b?.storeId, c]).toEqual(['s1', 's2', undefined])
  expect(await a?.working()).toBe(true)
  expect(await a?.ack()).toBe(true)
  const leases = openLeases(messaging)
  expect(await leases.isHeld('s1', 'c')).toBe('unknown')
  expect(await leases.renew('s1', 'c')).toBe(true)
  expect(await leases.isHeld('s1', 'c')).toBe('held')
  await leases.release('s1', 'c')
  expect(await leases.isHeld('s1', 'c')).toBe('free')
  await messaging.ping(1000)
  await ensureTopology(messaging)
  await messaging.close()
})
