import { randomUUID } from 'node:crypto'
import type { EventLog } from '../log/event-log.ts'
import { allCursor, streamCursor, type SubscriptionCursor } from '../query/cursor.ts'
import { resolveLink } from '../query/resolve-link.ts'
import { streamDeleted } from './errors.ts'
import type { ReadRequest } from './read-request.ts'
import {
  caughtUpResponse,
  checkpointResponse,
  confirmationResponse,
  eventResponse,
} from './read-response.ts'
import type { ResponseWriter } from './response-writer.ts'

const PAGE_EVENTS = 256

/** Sends what is there, then what comes; ends only when the client goes or the stream is tombstoned. */
export async function subscribe(
  log: EventLog,
  request: ReadRequest,
  writer: ResponseWriter,
): Promise<void> {
  const { stream } = request
  const cursor = cursorOf(log, request)
  let caughtUp = false
  refuseTombstoned(log, stream)
  await writer.send(confirmationResponse(randomUUID()))
  for (;;) {
    const numbers = cursor.next(PAGE_EVENTS)
    if (numbers.length > 0) {
      await sendPage({ log, cursor, request, writer }, numbers)
      continue
    }
    refuseTombstoned(log, stream)
    // Asked for before anything is awaited, so that no commit falls between the look and the wait.
    const changed = nextCommit(log, writer.signal)
    if (!caughtUp) await writer.send(caughtUpResponse())
    caughtUp = true
    await changed
    writer.signal.throwIfAborted()
  }
}

interface Page {
  log: EventLog
  cursor: SubscriptionCursor
  request: ReadRequest
  writer: ResponseWriter
}

async function sendPage({ log, cursor, request, writer }: Page, numbers: number[]): Promise<void> {
  for (const event of await log.read(numbers)) {
    if (cursor.accepts(event)) {
      const resolved = request.resolveLinks
        ? await resolveLink(log, event)
        : { event, link: undefined }
      const wait = writer.send(eventResponse(resolved))
      if (wait) await wait
    }
    if (cursor.checkpointDue()) await writer.send(checkpointResponse(event.position))
  }
}

function cursorOf(log: EventLog, { stream, start, filter }: ReadRequest): SubscriptionCursor {
  const after = start === 'end' ? undefined : start === 'start' ? -1 : start
  return stream === undefined ? allCursor(log, after, filter) : streamCursor(log, stream, after)
}

function refuseTombstoned(log: EventLog, stream: string | undefined): void {
  if (stream !== undefined && log.index.stream(stream)?.tombstoned) throw streamDeleted(stream)
}

function nextCommit(log: EventLog, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      withdraw()
      signal.removeEventListener('abort', settle)
      resolve()
    }
    const withdraw = log.onceCommitted(settle)
    signal.addEventListener('abort', settle, { once: true })
    if (signal.aborted) settle()
  })
}
