import type streams from '@eventstore/db-client/generated/streams_pb.js'
import { status } from '@grpc/grpc-js'
import type { EventLog } from '../log/event-log.ts'
import { isPlace, readAll } from '../query/read-all.ts'
import { boundsOf, readStream, stateOfStream } from '../query/read-stream.ts'
import { serverStreamingCall } from './call-handlers.ts'
import type { OpenCalls } from './calls.ts'
import { grpcError, streamDeleted } from './errors.ts'
import { rangeOf, readRequest, type ReadRequest } from './read-request.ts'
import {
  firstPositionResponse,
  lastPositionResponse,
  streamNotFoundResponse,
} from './read-response.ts'
import {
  type ReadCall,
  type ResponseWriter,
  responseWriter,
  sendEvents,
} from './response-writer.ts'
import { subscribe } from './subscribe.ts'

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
