import { AppError } from '#domain'
import { type EventData, jsonEvent, type JSONType } from './client.ts'
import type { ExpectedRevision, NewEvent } from './event-store.ts'

/** EventStoreDB's default limit for data, metadata and types of one append together. */
const APPEND_BYTES_MAX = 1024 * 1024

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const REVISION_MAX = 2n ** 63n - 1n

/**
 * Checks an append before the client sees it: the client shares one call between all appends of the process, and
 * one it cannot encode fails or hangs the others. Throws EVENT_STORE_REJECTED or EVENT_TOO_LARGE.
 */
export function checkedEvents(
  stream: string,
  events: NewEvent[],
  expected: ExpectedRevision,
): EventData[] {
  if (stream === '' || stream.startsWith('$')) throw rejected(`"${stream}" cannot be appended to`)
  // A repeat with any other expectation is known to the event store only until it is restarted.
  const isExact = typeof expected === 'bigint' && expected >= 0n && expected <= REVISION_MAX
  if (!isExact && expected !== 'no_stream') throw rejected(`${expected} is not a revision`)
  if (events.length === 0) throw rejected('An append needs an event')
  if (new Set(events.map((event) => event.id)).size < events.length)
    throw rejected('An event id occurs twice in one append')
  const bytes = events.reduce((sum, event) => sum + checkedBytes(event), 0)
  if (bytes > APPEND_BYTES_MAX)
    throw new AppError('EVENT_TOO_LARGE', `An append of ${bytes} bytes is too large`, {
      details: { stream, bytes, bytesMax: APPEND_BYTES_MAX },
    })
  return events.map(toEventData)
}

function checkedBytes(event: NewEvent): number {
  if (!UUID.test(event.id)) throw rejected(`The event id "${event.id}" is not a UUID`)
  if (event.type === '' || event.type.startsWith('$'))
    throw rejected(`"${event.type}" is not an event type`)
  return Buffer.byteLength(event.type) + jsonBytes(event, 'data') + jsonBytes(event, 'metadata')
}

function jsonBytes(event: NewEvent, part: 'data' | 'metadata'): number {
  try {
    return Buffer.byteLength(JSON.stringify(event[part]))
  } catch (cause) {
    throw rejected(`The ${part} of ${event.type} cannot be written as JSON`, cause)
  }
}

function toEventData({ id, type, data, metadata }: NewEvent): EventData {
  if (!isJson(data)) throw rejected(`The data of ${type} is not an object`)
  return jsonEvent({ id, type, data, metadata: { ...metadata } })
}

function isJson(value: unknown): value is JSONType {
  return typeof value === 'object' && value !== null
}

function rejected(message: string, cause?: unknown): AppError {
  return new AppError('EVENT_STORE_REJECTED', message, { cause })
}
