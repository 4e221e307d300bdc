import type streams from '@eventstore/db-client/generated/streams_pb.js'
import type { EventLog } from '../log/event-log.ts'
import { readAll } from '../query/read-all.ts'
import { readStream, stateOfStream } from '../query/read-stream.ts'
import { resolveLink } from '../query/resolve-link.ts'
import { serverStreamingCall } from './call-handlers.ts'
import type { OpenCalls } from './calls.ts'
import { streamDeleted } from './errors.ts'
import { rangeOf, readRequest, type ReadRequest } from './read-request.ts'
import { eventResponse, streamNotFoundResponse } from './read-response.ts'
import { type ReadCall, responseWriter } from './response-writer.ts'
import { subscribe } from './subscribe.ts'

/** Read: a range of a stream or of the whole log, or a subscription to either. */
export function serveRead(log: EventLog, calls: OpenCalls) {
  return serverStreamingCall(calls, (request: streams.ReadReq, call: ReadCall) =>
    serve(log, request, responseWriter(call)),
  )
}

async function serve(
  log: EventLog,
  message: streams.ReadReq,
  writer: ReturnType<typeof responseWriter>,
): Promise<void> {
  const request = readRequest(message.getOptions())
  if (request.isSubscription) return subscribe(log, request, writer)
  const { stream } = request
  const state = stream === undefined ? 'readable' : stateOfStream(log, stream)
  if (stream !== undefined && state === 'deleted') throw streamDeleted(stream)
  if (stream !== undefined && state === 'missing') {
    await writer.send(streamNotFoundResponse(stream))
  } else {
    for await (const page of pagesOf(log, request))
      for (const event of page) {
        const resolved = request.resolveLinks
          ? await resolveLink(log, event)
          : { event, link: undefined }
        const wait = writer.send(eventResponse(resolved))
        if (wait) await wait
      }
  }
}

function pagesOf(log: EventLog, request: ReadRequest) {
  const range = rangeOf(request)
  return request.stream === undefined ? readAll(log, range) : readStream(log, request.stream, range)
}
