import { randomUUID } from 'node:crypto'
import type { EventLog } from '../log/event-log.ts'
import { checkpoints } from '../query/checkpoints.ts'
import { allCursor, streamCursor, type SubscriptionCursor } from '../query/cursor.ts'
import { isPlace } from '../query/read-all.ts'
import { streamDeleted, thrownByHandler } from './errors.ts'
import type { ReadRequest } from './read-request.ts'
import { caughtUpResponse, checkpointResponse, confirmationResponse } from './read-response.ts'
import { type ResponseWriter, sendEvents } from './response-writer.ts'

const PAGE_EVENTS = 256

/** Sends what is there, then what comes; ends only when the client goes or the stream is tombstoned. */
export async function subscribe(
  log: EventLog,
  request: ReadRequest,
  writer: ResponseWriter,
): Promise<void> {
  const { stream = '$all', filter } = request
  const cursor = cursorOf(log, request)
  const search = filter && checkpoints(filter)
  let caughtUp = false
  if (cursor.ended()) throw streamDeleted(stream)
  await writer.send(confirmationResponse(randomUUID()))
  for (;;) {
    const numbers = cursor.next(PAGE_EVENTS)
    if (numbers.length > 0) {
      await sendPage({ log, cursor, request, writer, search }, numbers)
      continue
    }
    if (cursor.ended()) throw streamDeleted(stream)
    // Asked for before anything is awaited, so that no commit falls between the look and the wait.
    const changed = nextCommit(log, writer.signal)
    if (!caughtUp && !cursor.waiting()) {
      caughtUp = true
      cursor.goLive()
      const checkpoint = search?.goLive()
      if (checkpoint) await writer.send(checkpointResponse(checkpoint))
      await writer.send(caughtUpResponse())
    }
    await changed
    writer.signal.throwIfAborted()
  }
}

interface Page {
  log: EventLog
  cursor: SubscriptionCursor
  request: ReadRequest
  writer: ResponseWriter
  search: ReturnType<typeof checkpoints> | undefined
}

async function sendPage(
  { log, cursor, request, writer, search }: Page,
  numbers: number[],
): Promise<void> {
  for (const event of await log.read(numbers)) {
    const accepted = cursor.accepts(event)
    if (accepted) await sendEvents(log, request, writer, [event])
    const checkpoint = search?.after(event.position, accepted)
    if (checkpoint) await writer.send(checkpointResponse(checkpoint))
  }
}

function cursorOf(log: EventLog, { stream, start, filter }: ReadRequest): SubscriptionCursor {
  const after = start === 'end' ? undefined : start === 'start' ? -1 : start
  if (stream !== undefined) return streamCursor(log, stream, after)
  if (after !== undefined && !isPlace(log, after)) throw thrownByHandler()
  return allCursor(log, after, filter?.matches)
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
