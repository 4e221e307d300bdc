import { expect, test } from 'vitest'
import { checkedEvents } from './appender.ts'
import { eventId, type NewEvent } from './event-store.ts'

const metadata = {
  commandId: 'c',
  correlationId: 'c',
  actor: 'user:u',
  tenantId: 't',
  schemaVersion: 1,
}
const event: NewEvent = { id: eventId('c', 0), type: 'Happened', data: { a: 1 }, metadata }

test('a good append passes as the client takes it', () => {
  const [checked] = checkedEvents('store-1', [event], 0n)

  expect(checked).toMatchObject({ ...event, contentType: 'application/json' })
})

const circular: Record<string, unknown> = {}
circular['self'] = circular

test.each([
  ['a revision below 0', 'store-1', [event], -1n, /not a revision/],
  ['a revision beyond 64 bits', 'store-1', [event], 2n ** 63n, /not a revision/],
  ['no stream', '', [event], 0n, /cannot be appended to/],
  ['a system stream', '$$store-1', [event], 0n, /cannot be appended to/],
  ['no events', 'store-1', [], 0n, /needs an event/],
  ['an id twice', 'store-1', [event, event], 0n, /occurs twice/],
  ['an id that is no UUID', 'store-1', [{ ...event, id: 'one' }], 0n, /not a UUID/],
  ['a system event', 'store-1', [{ ...event, type: '$metadata' }], 0n, /not an event type/],
  ['no type', 'store-1', [{ ...event, type: '' }], 0n, /not an event type/],
  ['a bigint', 'store-1', [{ ...event, data: { n: 1n } }], 0n, /cannot be written as JSON/],
  ['a circle', 'store-1', [{ ...event, data: circular }], 0n, /cannot be written as JSON/],
  ['nothing', 'store-1', [{ ...event, data: undefined }], 0n, /cannot be written as JSON/],
  ['text', 'store-1', [{ ...event, data: 'text' }], 0n, /not an object/],
])('%s is rejected before the client sees it', (_case, stream, events, expected, message) => {
  const check = () => checkedEvents(stream, events, expected)

  expect(check).toThrow(message)
  expect(check).toThrow(expect.objectContaining({ code: 'EVENT_STORE_REJECTED', retryable: false }))
})

test.each(['any', 'stream_exists'])('nothing is appended with the expectation "%s"', (expected) => {
  const check = () => Reflect.apply(checkedEvents, undefined, ['store-1', [event], expected])

  expect(check).toThrow(expect.objectContaining({ code: 'EVENT_STORE_REJECTED' }))
})

test('an append above 1 MiB is too large, counted in bytes', () => {
  const data = { text: 'ß'.repeat(530_000) }

  expect(() => checkedEvents('store-1', [{ ...event, data }], 0n)).toThrow(
    expect.objectContaining({ code: 'EVENT_TOO_LARGE' }),
  )
})
