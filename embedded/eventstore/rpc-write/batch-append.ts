import type streams from '@eventstore/db-client/generated/streams_pb.js'
import type { handleBidiStreamingCall } from '@grpc/grpc-js'
import { appendEvents, type ProposedEvent } from '../append-events.ts'
import { toServiceError } from '../rpc/grpc-errors.ts'
import type { OpenCalls } from '../rpc/open-calls.ts'
import type { EventLog } from '../storage/event-log.ts'
import { writableStreamName } from './append.ts'
import {
  outcomeResponse,
  refusalResponse,
  sizeExceededResponse,
  timedOutResponse,
} from './batch-response.ts'
import {
  APPEND_BYTES_MAX,
  countedBytes,
  expectedOf,
  proposedEvent,
  uuidText,
} from './proposed-event.ts'

type Options = streams.BatchAppendReq.Options
type BatchAppend = handleBidiStreamingCall<streams.BatchAppendReq, streams.BatchAppendResp>

interface OpenAppend {
  options: Options | undefined
  events: ProposedEvent[]
  bytes: number
  error: unknown
}

/** BatchAppend: many appends at once on one stream, each answered by its correlation id. */
export function serveBatchAppend(log: EventLog, calls: OpenCalls): BatchAppend {
  return (call) => {
    calls.add(call)
    const open = new Map<string, OpenAppend>()
    call.on('data', (request: streams.BatchAppendReq) => {
      const correlationId = uuidText(request.getCorrelationId())
      const append = open.get(correlationId) ?? newAppend()
      open.set(correlationId, append)
      take(append, request)
      if (!request.getIsFinal()) return
      open.delete(correlationId)
      void answer(log, append).then((response) =>
        call.write(
          response
            .setCorrelationId(request.getCorrelationId())
            .setStreamIdentifier(append.options?.getStreamIdentifier()),
        ),
      )
    })
    call.on('end', () => call.end())
  }
}

function newAppend(): OpenAppend {
  return { options: undefined, events: [], bytes: 0, error: undefined }
}

function take(append: OpenAppend, request: streams.BatchAppendReq): void {
  append.options ??= request.getOptions()
  if (append.error !== undefined || append.bytes > APPEND_BYTES_MAX) return
  try {
    for (const message of request.getProposedMessagesList()) {
      const event = proposedEvent(message)
      append.bytes += countedBytes(event)
      append.events.push(event)
    }
  } catch (error) {
    append.error = error
  }
}

async function answer(log: EventLog, append: OpenAppend): Promise<streams.BatchAppendResp> {
  const { options, events, bytes, error } = append
  try {
    if (error !== undefined) throw error
    if (bytes > APPEND_BYTES_MAX) return sizeExceededResponse()
    if (isLate(options)) return timedOutResponse()
    const stream = writableStreamName(options?.getStreamIdentifier())
    const outcome = await appendEvents(log, { stream, expected: expected(options), events })
    return isLate(options) ? timedOutResponse() : outcomeResponse(stream, options, outcome)
  } catch (thrown) {
    return refusalResponse(toServiceError(thrown))
  }
}

/** The client sends its deadline as a time of day. A late answer says nothing about what was written. */
function isLate(options: Options | undefined): boolean {
  const deadline = options?.getDeadline()
  return deadline !== undefined && deadline.toDate().getTime() < Date.now()
}

function expected(options: Options | undefined) {
  return expectedOf({
    hasNoStream: () => options?.hasNoStream() ?? false,
    hasStreamExists: () => options?.hasStreamExists() ?? false,
    revision: () => (options?.hasStreamPosition() ? options.getStreamPosition() : undefined),
  })
}
