import shared from '@eventstore/db-client/generated/shared_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import {
  appendEvents,
  type AppendOutcome,
  deleteStream,
  type ProposedEvent,
} from '../append-events.ts'
import type { EventLog } from '../log/event-log.ts'
import type { Expected } from '../rules/expected-revision.ts'
import { clientStreamingCall, unaryCall, type OpenCalls } from './call-handlers.ts'
import {
  accessDenied,
  maximumAppendSizeExceeded,
  streamDeleted,
  thrownByHandler,
  wrongExpectedVersion,
} from './errors.ts'
import {
  APPEND_BYTES_MAX,
  appendedStreamName,
  expectedOf,
  proposedEvent,
  RECORDED_BYTES_MAX,
  recordedBytes,
  streamName,
} from './proposed-event.ts'

type Options = streams.AppendReq.Options

/** The double next below 2^64, and the same as it travels; 2^64-1, which stands for no stream, is no double. */
const GREATEST_DOUBLE = 2 ** 64 - 2_048
const GREATEST_DOUBLE_BYTES = Buffer.from('80f0ffffffffffffff01', 'hex')
const NO_STREAM_BYTES = Buffer.from('ffffffffffffffffff01', 'hex')

/** Append: options first, then one event a message, one answer for all of them. */
export function serveAppend(log: EventLog, calls: OpenCalls) {
  return clientStreamingCall(calls, (requests: AsyncIterable<streams.AppendReq>) =>
    appendAll(log, requests),
  )
}

async function appendAll(
  log: EventLog,
  requests: AsyncIterable<streams.AppendReq>,
): Promise<streams.AppendResp> {
  let options: Options | undefined
  let bytes = 0
  let recorded = 0
  const events: ProposedEvent[] = []
  for await (const request of requests) {
    if (!options) {
      options = request.getOptions()
      if (!options) throw thrownByHandler()
      expectedOfAppend(options)
      continue
    }
    const message = request.getProposedMessage()
    if (!message) throw thrownByHandler()
    bytes += message.getData_asU8().length
    if (bytes > APPEND_BYTES_MAX) throw maximumAppendSizeExceeded(APPEND_BYTES_MAX)
    const event = proposedEvent(message)
    recorded += recordedBytes(event)
    if (recorded > RECORDED_BYTES_MAX) throw maximumAppendSizeExceeded(APPEND_BYTES_MAX)
    events.push(event)
  }
  if (!options) throw thrownByHandler()
  const stream = writableStreamName(options.getStreamIdentifier())
  const outcome = await appendEvents(log, { stream, expected: expectedOfAppend(options), events })
  return response(stream, options, outcome)
}

/** The response as it travels, with the number the generated classes cannot hold. */
export function serializeAppendResponse(message: streams.AppendResp): Buffer {
  const bytes = Buffer.from(message.serializeBinary())
  const at = message.hasWrongExpectedVersion() ? bytes.indexOf(GREATEST_DOUBLE_BYTES) : -1
  if (at !== -1) NO_STREAM_BYTES.copy(bytes, at)
  return bytes
}

/** The name of a stream that may be written to. */
export function writableStreamName(identifier: shared.StreamIdentifier | undefined): string {
  const stream = appendedStreamName(identifier)
  if (stream === '$all') throw accessDenied()
  return stream
}

function expectedOfAppend(options: Options) {
  const revision = options.hasRevision() ? options.getRevision() : undefined
  return expectedOf(options, revision, 'AppendReq+Types+Options+ExpectedStreamRevisionOneofCase')
}

function response(stream: string, options: Options, outcome: AppendOutcome): streams.AppendResp {
  switch (outcome.kind) {
    case 'deleted':
      throw streamDeleted(stream)
    case 'conflict':
      return new streams.AppendResp().setWrongExpectedVersion(conflict(options, outcome.current))
    case 'success':
      return new streams.AppendResp().setSuccess(successMessage(outcome))
  }
}

function successMessage(outcome: AppendOutcome & { kind: 'success' }): streams.AppendResp.Success {
  const message = new streams.AppendResp.Success()
  if (outcome.revision < 0) message.setNoStream(new shared.Empty())
  else message.setCurrentRevision(`${outcome.revision}`)
  if (outcome.position === undefined) return message.setNoPosition(new shared.Empty())
  const position = new streams.AppendResp.Position()
  position.setCommitPosition(`${outcome.position}`).setPreparePosition(`${outcome.position}`)
  return message.setPosition(position)
}

/** Says each thing twice: clients older than 20.6.1 look at fields of their own. */
function conflict(options: Options, current: number): streams.AppendResp.WrongExpectedVersion {
  const message = new streams.AppendResp.WrongExpectedVersion()
  const nothing = new shared.Empty()
  if (current < 0) message.setCurrentNoStream(nothing).setNoStream2060(nothing)
  else message.setCurrentRevision(`${current}`).setCurrentRevision2060(current)
  if (options.hasRevision())
    return message
      .setExpectedRevision(options.getRevision())
      .setExpectedRevision2060(Number(options.getRevision()))
  if (options.hasNoStream())
    return message.setExpectedNoStream(nothing).setExpectedRevision2060(GREATEST_DOUBLE)
  if (options.hasStreamExists())
    return message.setExpectedStreamExists(nothing).setStreamExists2060(nothing)
  return message.setExpectedAny(nothing).setAny2060(nothing)
}

type DeleteOptions = streams.DeleteReq.Options | streams.TombstoneReq.Options

/** Delete: hides a stream's events; writing to it brings the stream back. */
export function serveDelete(log: EventLog) {
  return unaryCall(async (request: streams.DeleteReq) => {
    const at = await remove(log, request.getOptions(), false)
    const message = new streams.DeleteResp.Position()
    message.setCommitPosition(at).setPreparePosition(at)
    return new streams.DeleteResp().setPosition(message)
  })
}

/** Tombstone: ends a stream for good; its name cannot be used again. */
export function serveTombstone(log: EventLog) {
  return unaryCall(async (request: streams.TombstoneReq) => {
    const at = await remove(log, request.getOptions(), true)
    const message = new streams.TombstoneResp.Position()
    message.setCommitPosition(at).setPreparePosition(at)
    return new streams.TombstoneResp().setPosition(message)
  })
}

async function remove(
  log: EventLog,
  options: DeleteOptions | undefined,
  hard: boolean,
): Promise<string> {
  if (!options) throw thrownByHandler()
  const request = hard ? 'TombstoneReq' : 'DeleteReq'
  const expected = expectedOf(
    options,
    options.hasRevision() ? options.getRevision() : undefined,
    `${request}+Types+Options+ExpectedStreamRevisionOneofCase`,
  )
  const stream = deletableStreamName(options)
  const outcome = await deleteStream(log, { stream, expected, hard })
  if (outcome.kind === 'deleted') throw streamDeleted(stream)
  if (outcome.kind === 'conflict')
    throw wrongExpectedVersion(stream, expectedNumber(expected, options), outcome.current)
  return `${outcome.position}`
}

function deletableStreamName(options: DeleteOptions): string {
  const stream = streamName(options.getStreamIdentifier())
  if (stream === '$all') throw accessDenied()
  return stream
}

/** The trailer holds a number: the negative ones stand for no_stream, any and stream_exists. */
function expectedNumber(expected: Expected, options: DeleteOptions): string {
  if (typeof expected === 'number') return options.getRevision()
  return { no_stream: '-1', any: '-2', stream_exists: '-4' }[expected]
}
