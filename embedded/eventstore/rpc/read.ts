import { randomUUID } from 'node:crypto'
import type streams from '@eventstore/db-client/generated/streams_pb.js'
import { status } from '@grpc/grpc-js'
import type { EventLog } from '../log/event-log.ts'
import type { StoredEvent } from '../log/frame.ts'
import { checkpoints } from '../query/checkpoints.ts'
import { allCursor, streamCursor, type SubscriptionCursor } from '../query/cursor.ts'
import { boundsOf, isPlace, readAll, readStream, stateOfStream } from '../query/read-pages.ts'
import { serverStreamingCall, type OpenCalls } from './call-handlers.ts'
import { grpcError, streamDeleted, thrownByHandler } from './errors.ts'
import { rangeOf, readRequest, type ReadRequest } from './read-request.ts'
import {
  caughtUpResponse,
  checkpointResponse,
  confirmationResponse,
  firstPositionResponse,
  lastPositionResponse,
  type ReadCall,
  type ResponseWriter,
  responseWriter,
  sendEvent,
  streamNotFoundResponse,
} from './read-response.ts'

/** Read: a range of a stream or of the whole log, or a subscription to either. */
export function serveRead(log: EventLog, calls: OpenCalls) {
  return serverStreamingCall(calls, async (message: streams.ReadReq, call: ReadCall) => {
    const request = readRequest(message.getOptions())
    const writer = responseWriter(call)
    if (request.isSubscription) await subscribe(log, request, writer)
    else if (request.stream === undefined) await serveAll(log, request, writer)
    else await serveStream(log, request, request.stream, writer)
  })
}

async function serveAll(
  log: EventLog,
  request: ReadRequest,
  writer: ResponseWriter,
): Promise<void> {
  const range = rangeOf(request)
  const { from, direction } = range
  const beyond = from !== undefined && direction === 'backwards' && from > log.end()
  if (from !== undefined && (beyond || !isPlace(log, from)))
    throw grpcError(status.UNKNOWN, 'Unexpected ReadAllResult: Error')
  for await (const page of readAll(log, range, request.filter?.matches))
    await sendEvents(log, request, writer, page)
}

async function sendEvents(
  log: EventLog,
  request: ReadRequest,
  writer: ResponseWriter,
  events: StoredEvent[],
): Promise<void> {
  for (const event of events) {
    const wait = sendEvent(log, request, writer, event)
    if (wait) await wait
  }
}

async function serveStream(
  log: EventLog,
  request: ReadRequest,
  stream: string,
  writer: ResponseWriter,
): Promise<void> {
  const range = rangeOf(request)
  const state = stateOfStream(log, stream)
  if (state === 'deleted') throw streamDeleted(stream)
  if (state === 'missing') {
    await writer.send(streamNotFoundResponse(stream))
    return
  }
  const tellsFirst = request.tellsPositions && request.direction === 'forwards'
  const { last } = boundsOf(log, stream, range, undefined)
  let empty = true
  for await (const page of readStream(log, stream, range)) {
    const [first] = page
    if (first && empty && tellsFirst)
      for (const revision of boundsOf(log, stream, range, Number(first.revision)).first)
        await writer.send(firstPositionResponse(revision))
    if (first) empty = false
    await sendEvents(log, request, writer, page)
  }
  if (!request.tellsPositions) return
  if (empty && tellsFirst)
    for (const revision of boundsOf(log, stream, range, undefined).first)
      await writer.send(firstPositionResponse(revision))
  await writer.send(lastPositionResponse(last))
}

const PAGE_EVENTS = 256

/** Sends what is there, then what comes; ends only when the client goes or the stream is tombstoned. */
async function subscribe(
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
    const wait = accepted ? sendEvent(log, request, writer, event) : undefined
    if (wait) await wait
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
