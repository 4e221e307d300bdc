import type { RecordedEvent } from '#eventstore'
import { expect, test } from 'vitest'
import { isStoreEvent, messageOf } from './message.ts'

const event: RecordedEvent = {
  id: 'e1',
  stream: 'store-s1',
  revision: 4n,
  position: 77n,
  type: 'StoreRequested',
  data: { name: 'Shop' },
  metadata: {
    correlationId: 'trace-123',
    actor: 'user:demo',
    tenantId: 'demo',
    schemaVersion: 1,
    commandId: 'c1',
  },
  recordedAt: '2026-01-01T00:00:00.000Z',
}
const bytesMax = 1_000_000

test('only events of stores are for provisioners', () => {
  expect(isStoreEvent(event)).toBe(true)
  expect(isStoreEvent({ ...event, stream: 'tenant-demo' })).toBe(false)
})

test('a stream or type that cannot be part of a subject has no message', () => {
  expect(messageOf({ ...event, stream: 'store-a.b' }, bytesMax)).toBeUndefined()
  expect(messageOf({ ...event, type: 'Store Requested' }, bytesMax)).toBeUndefined()
})

test('unreadable metadata costs the trace, not the message', () => {
  const message = messageOf({ ...event, metadata: 'broken' }, bytesMax)

  expect(message?.headers.has('correlation-id')).toBe(false)
  expect(message?.payload).toBe('{"name":"Shop"}')
})

test('a correlation id that cannot be a header is left out', () => {
  const metadata = { ...Object(event.metadata), correlationId: 'a\r\nb: c' }

  expect(messageOf({ ...event, metadata }, bytesMax)?.headers.has('correlation-id')).toBe(false)
})

test('a payload that the server would refuse is left out, and the message says so', () => {
  const message = messageOf({ ...event, data: { name: 'x'.repeat(10_000) } }, 8_192)

  expect(message?.payload).toBe('')
  expect(message?.headers.get('payload-omitted')).toBe('true')
})
