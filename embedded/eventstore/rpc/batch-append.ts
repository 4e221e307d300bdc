import codes from '@eventstore/db-client/generated/code_pb.js'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import statusMessages from '@eventstore/db-client/generated/status_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import { type ServiceError, status } from '@grpc/grpc-js'
import anyMessages from 'google-protobuf/google/protobuf/any_pb.js'
import empty from 'google-protobuf/google/protobuf/empty_pb.js'
import { appendEvents, type AppendOutcome, type ProposedEvent } from '../append-events.ts'
import type { EventLog } from '../log/event-log.ts'
import { writableStreamName } from './append.ts'
import type { BatchRequest } from './batch-request.ts'
import { bidiStreamingCall, type OpenCalls } from './call-handlers.ts'
import { refusalText, thrownByHandler, toServiceError } from './errors.ts'
import {
  APPEND_BYTES_MAX,
  expectedOf,
  proposedEvent,
  RECORDED_BYTES_MAX,
  recordedBytes,
} from './proposed-event.ts'
import { NIL_UUID, structuredUuid, uuidText } from './uuid.ts'

type Options = streams.BatchAppendReq.Options

const NIL_REFUSAL = "correlationId (Parameter 'correlationId should be non-empty GUID.')"
/** EventStoreDB's commit timeout: an append that is not complete by then is given up, whatever its client allows. */
const APPEND_TIMEOUT_MS = 2_000

/** An append whose last events have not come yet. */
interface OpenAppend {
  options: Options
  events: ProposedEvent[]
  bytes: number
  recorded: number
  timer: NodeJS.Timeout
}

type Send = (response: streams.BatchAppendResp) => void

/** BatchAppend: many appends at once on one stream, each answered by its correlation id. */
export function serveBatchAppend(log: EventLog, calls: OpenCalls) {
  return bidiStreamingCall(calls, (send: Send) => {
    const open = new Map<string, OpenAppend>()
    return async (request: BatchRequest) => {
      const { message } = request
      try {
        const response = await take(log, { open, send }, request)
        return response && addressed(response, message.getCorrelationId(), message.getOptions())
      } catch (error) {
        const refusal = refusalResponse(toServiceError(error))
        return addressed(refusal, message.getCorrelationId(), message.getOptions())
      }
    }
  })
}

/** Adds a request to its append, and answers it where that ends the append. What belongs to no append is not answered. */
async function take(
  log: EventLog,
  { open, send }: { open: Map<string, OpenAppend>; send: Send },
  { message, timeoutMs }: BatchRequest,
): Promise<streams.BatchAppendResp | undefined> {
  const correlationId = uuidText(message.getCorrelationId())
  if (correlationId === NIL_UUID) throw thrownByHandler(NIL_REFUSAL)
  const options = message.getOptions()
  if (options) {
    writableStreamName(options.getStreamIdentifier())
    const waitMs = Math.min(timeoutMs() ?? APPEND_TIMEOUT_MS, APPEND_TIMEOUT_MS)
    if (waitMs <= 0) return timedOutResponse()
    if (!open.has(correlationId)) {
      const giveUp = () => {
        if (open.get(correlationId)?.timer !== timer) return
        open.delete(correlationId)
        send(addressed(timedOutResponse(), structuredUuid(correlationId), options))
      }
      // What came while the server itself was held up is read before the append is given up.
      const timer = setTimeout(() => setImmediate(giveUp), waitMs).unref()
      open.set(correlationId, { options, events: [], bytes: 0, recorded: 0, timer })
    }
  }
  const append = open.get(correlationId)
  if (!append) return undefined
  for (const proposed of message.getProposedMessagesList()) {
    const event = proposedEvent(proposed)
    append.bytes += event.data.length
    append.recorded += recordedBytes(event)
    append.events.push(event)
  }
  if (!message.getIsFinal() && !isTooLarge(append)) return undefined
  open.delete(correlationId)
  clearTimeout(append.timer)
  const response = await answer(log, append)
  return response.setStreamIdentifier(append.options.getStreamIdentifier())
}

function isTooLarge({ bytes, recorded }: OpenAppend): boolean {
  return bytes > APPEND_BYTES_MAX || recorded > RECORDED_BYTES_MAX
}

async function answer(log: EventLog, append: OpenAppend): Promise<streams.BatchAppendResp> {
  const { options, events } = append
  if (isTooLarge(append)) return sizeExceededResponse()
  const stream = writableStreamName(options.getStreamIdentifier())
  const outcome = await appendEvents(log, { stream, expected: expected(options), events })
  return outcomeResponse(stream, options, outcome)
}

function addressed(
  response: streams.BatchAppendResp,
  correlationId: shared.UUID | undefined,
  options: Options | undefined,
): streams.BatchAppendResp {
  const stream = response.getStreamIdentifier() ?? options?.getStreamIdentifier()
  return response.setCorrelationId(correlationId).setStreamIdentifier(stream)
}

function expected(options: Options) {
  const revision = options.hasStreamPosition() ? options.getStreamPosition() : undefined
  return expectedOf(
    options,
    revision,
    'BatchAppendReq+Types+Options+ExpectedStreamPositionOneofCase',
  )
}

const { Code } = codes

/** The answer to an append that was decided. */
function outcomeResponse(
  stream: string,
  options: Options,
  outcome: AppendOutcome,
): streams.BatchAppendResp {
  switch (outcome.kind) {
    case 'success':
      return new streams.BatchAppendResp().setSuccess(success(outcome))
    case 'conflict':
      return failure(
        Code.ALREADY_EXISTS,
        'WrongExpectedVersion',
        conflict(options, outcome.current),
      )
    case 'deleted':
      return failure(Code.NOT_FOUND, 'StreamDeleted', deleted(stream))
  }
}

function success(outcome: AppendOutcome & { kind: 'success' }): streams.BatchAppendResp.Success {
  const message = new streams.BatchAppendResp.Success()
  if (outcome.revision < 0) message.setNoStream(new empty.Empty())
  else message.setCurrentRevision(`${outcome.revision}`)
  if (outcome.position === undefined) return message.setNoPosition(new empty.Empty())
  const position = new shared.AllStreamPosition()
  position.setCommitPosition(`${outcome.position}`).setPreparePosition(`${outcome.position}`)
  return message.setPosition(position)
}

/** Clients look at the name of the detail, and at the message, which repeats it, where they know no such name. */
function failure(
  code: codes.Code,
  name: string,
  detail: { serializeBinary: () => Uint8Array },
): streams.BatchAppendResp {
  const any = new anyMessages.Any()
  any.pack(detail.serializeBinary(), `event_store.client.${name}`)
  const error = new statusMessages.Status().setCode(code).setMessage(name).setDetails(any)
  return new streams.BatchAppendResp().setError(error)
}

function conflict(options: Options, current: number): shared.WrongExpectedVersion {
  const detail = new shared.WrongExpectedVersion()
  if (current < 0) detail.setCurrentNoStream(new empty.Empty())
  else detail.setCurrentStreamRevision(`${current}`)
  if (options.hasStreamPosition()) detail.setExpectedStreamPosition(options.getStreamPosition())
  else if (options.hasNoStream()) detail.setExpectedNoStream(new empty.Empty())
  else if (options.hasStreamExists()) detail.setExpectedStreamExists(new empty.Empty())
  else detail.setExpectedAny(new empty.Empty())
  return detail
}

function deleted(stream: string): shared.StreamDeleted {
  const identifier = new shared.StreamIdentifier().setStreamName(Buffer.from(stream))
  return new shared.StreamDeleted().setStreamIdentifier(identifier)
}

/** The append is larger than one may be. */
function sizeExceededResponse(): streams.BatchAppendResp {
  const detail = new shared.MaximumAppendSizeExceeded().setMaxappendsize(APPEND_BYTES_MAX)
  return failure(Code.INVALID_ARGUMENT, 'MaximumAppendSizeExceeded', detail)
}

/** The append was not complete in time; nothing of it was written. */
function timedOutResponse(): streams.BatchAppendResp {
  return failure(Code.DEADLINE_EXCEEDED, 'Timeout', new shared.Timeout())
}

/** The request was not understood, or not allowed. */
function refusalResponse(error: ServiceError): streams.BatchAppendResp {
  if (error.code === status.PERMISSION_DENIED)
    return failure(Code.PERMISSION_DENIED, 'AccessDenied', new shared.AccessDenied())
  const detail = new shared.BadRequest().setMessage(refusalText(error))
  return failure(Code.INVALID_ARGUMENT, 'BadRequest', detail)
}
