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
import { bidiStreamingCall } from './call-handlers.ts'
import type { OpenCalls } from './calls.ts'
import { invalidArgument, toServiceError } from './errors.ts'
import {
  APPEND_BYTES_MAX,
  countedBytes,
  expectedOf,
  proposedEvent,
  uuidText,
} from './proposed-event.ts'

type Options = streams.BatchAppendReq.Options

const NIL_UUID = '00000000-0000-0000-0000-000000000000'
/** EventStoreDB's words. */
const NIL_REFUSAL = "correlationId (Parameter 'correlationId should be non-empty GUID.')"

interface OpenAppend {
  options: Options | undefined
  events: ProposedEvent[]
  bytes: number
  error: unknown
}

/** BatchAppend: many appends at once on one stream, each answered by its correlation id. */
export function serveBatchAppend(log: EventLog, calls: OpenCalls) {
  return bidiStreamingCall(calls, () => {
    const open = new Map<string, OpenAppend>()
    return async (request: streams.BatchAppendReq) => {
      const append = finishedBy(open, request)
      if (append === undefined) return undefined
      const response = await answer(log, append)
      return response
        .setCorrelationId(request.getCorrelationId())
        .setStreamIdentifier(append.options?.getStreamIdentifier())
    }
  })
}

/** The append that this request ends: with its last events, or because nobody can say which append it belongs to. */
function finishedBy(
  open: Map<string, OpenAppend>,
  request: streams.BatchAppendReq,
): OpenAppend | undefined {
  try {
    const correlationId = uuidText(request.getCorrelationId())
    if (correlationId === NIL_UUID) throw invalidArgument(NIL_REFUSAL)
    const append = open.get(correlationId) ?? newAppend()
    open.set(correlationId, append)
    take(append, request)
    if (!request.getIsFinal()) return undefined
    open.delete(correlationId)
    return append
  } catch (error) {
    return { ...newAppend(), options: request.getOptions(), error }
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

const { Code } = codes

/** The answer to an append that was decided. */
function outcomeResponse(
  stream: string,
  options: Options | undefined,
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

function conflict(options: Options | undefined, current: number): shared.WrongExpectedVersion {
  const detail = new shared.WrongExpectedVersion()
  if (current < 0) detail.setCurrentNoStream(new empty.Empty())
  else detail.setCurrentStreamRevision(`${current}`)
  if (options?.hasStreamPosition()) detail.setExpectedStreamPosition(options.getStreamPosition())
  else if (options?.hasNoStream()) detail.setExpectedNoStream(new empty.Empty())
  else if (options?.hasStreamExists()) detail.setExpectedStreamExists(new empty.Empty())
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

/** The answer comes after the deadline; it says nothing about what was written. */
function timedOutResponse(): streams.BatchAppendResp {
  return failure(Code.DEADLINE_EXCEEDED, 'Timeout', new shared.Timeout())
}

/** The request was not understood, or not allowed. */
function refusalResponse(error: ServiceError): streams.BatchAppendResp {
  if (error.code === status.PERMISSION_DENIED)
    return failure(Code.PERMISSION_DENIED, 'AccessDenied', new shared.AccessDenied())
  const detail = new shared.BadRequest().setMessage(error.details)
  return failure(Code.INVALID_ARGUMENT, 'BadRequest', detail)
}
