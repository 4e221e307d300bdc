import { headers, type MsgHdrs } from 'nats'
import { decodeMetadata, eventSubject } from '#contracts'
import { type EventMetadata, storeStream } from '#domain'
import type { RecordedEvent } from '#eventstore'
import { headerNames } from '#messaging'
import { correlationIdOf, traceparentOf } from '#observability'

/** One event as JetStream gets it: a CloudEvent in binary form. */
export interface OutgoingMessage {
  eventId: string
  position: bigint
  subject: string
  headers: MsgHdrs
  payload: string
}

const storePrefix = storeStream('')
const subjectToken = /^[\w-]+$/
const HEADERS_BYTES_MAX = 4_096

export const isStoreEvent = (event: RecordedEvent): boolean => event.stream.startsWith(storePrefix)

/**
 * The message of a store's event; undefined when its stream or type cannot be part of a subject.
 * JetStream stores it only while the subject is empty, so the same event is never there twice. A
 * payload beyond `bytesMax`, which the server would refuse, is left out: the log holds it.
 */
export function messageOf(event: RecordedEvent, bytesMax: number): OutgoingMessage | undefined {
  const storeId = event.stream.slice(storePrefix.length)
  if (!subjectToken.test(storeId) || !subjectToken.test(event.type)) return undefined
  const named = headers()
  named.append(headerNames.eventId, event.id)
  named.append('Nats-Expected-Last-Subject-Sequence', '0')
  named.append(headerNames.position, `${event.position}`)
  named.append('ce-specversion', '1.0')
  named.append('ce-id', event.id)
  named.append('ce-source', `/stores/${storeId}`)
  named.append('ce-type', event.type)
  named.append('ce-time', event.recordedAt)
  named.append('content-type', 'application/json')
  appendTrace(named, event)
  const payload = JSON.stringify(event.data) ?? ''
  const isTooLarge = Buffer.byteLength(payload) > bytesMax - HEADERS_BYTES_MAX
  if (isTooLarge) named.append('payload-omitted', 'true')
  return {
    eventId: event.id,
    position: event.position,
    subject: eventSubject(storeId, event.revision, event.type),
    headers: named,
    payload: isTooLarge ? '' : payload,
  }
}

function appendTrace(named: MsgHdrs, event: RecordedEvent): void {
  const metadata = readableMetadata(event)
  if (metadata === undefined) return
  const { correlationId } = metadata
  if (correlationIdOf(correlationId) === correlationId)
    named.append(headerNames.correlationId, correlationId)
  const traceparent = traceparentOf(metadata.traceparent)
  if (traceparent !== undefined) named.append(headerNames.traceparent, traceparent)
}

// A message is a hint to look at the stream; unreadable metadata must not hold up the others.
function readableMetadata(event: RecordedEvent): EventMetadata | undefined {
  try {
    return decodeMetadata(event)
  } catch {
    return undefined
  }
}
