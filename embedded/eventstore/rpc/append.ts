import shared from '@eventstore/db-client/generated/shared_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import { appendEvents, type AppendOutcome, type ProposedEvent } from '../append-events.ts'
import type { EventLog } from '../log/event-log.ts'
import { clientStreamingCall } from './call-handlers.ts'
import {
  accessDenied,
  invalidArgument,
  maximumAppendSizeExceeded,
  streamDeleted,
} from './errors.ts'
import {
  APPEND_BYTES_MAX,
  countedBytes,
  expectedOf,
  proposedEvent,
  streamName,
} from './proposed-event.ts'

type Options = streams.AppendReq.Options

/** Append: options first, then one event a message, one answer for all of them. */
export function serveAppend(log: EventLog) {
  return clientStreamingCall((requests: AsyncIterable<streams.AppendReq>) =>
    appendAll(log, requests),
  )
}

async function appendAll(
  log: EventLog,
  requests: AsyncIterable<streams.AppendReq>,
): Promise<streams.AppendResp> {
  let options: Options | undefined
  let bytes = 0
  const events: ProposedEvent[] = []
  for await (const request of requests) {
    options ??= request.getOptions()
    const message = request.getProposedMessage()
    if (!message) continue
    const event = proposedEvent(message)
    bytes += countedBytes(event)
    if (bytes > APPEND_BYTES_MAX) throw maximumAppendSizeExceeded(APPEND_BYTES_MAX)
    events.push(event)
  }
  if (!options) throw invalidArgument('The append came without options.')
  const stream = writableStreamName(options.getStreamIdentifier())
  const outcome = await appendEvents(log, { stream, expected: expected(options), events })
  return response(stream, options, outcome)
}

/** The name of a stream that may be written to. */
export function writableStreamName(identifier: shared.StreamIdentifier | undefined): string {
  const stream = streamName(identifier)
  if (stream === '$all') throw accessDenied()
  return stream
}

function expected(options: Options) {
  return expectedOf({
    hasNoStream: () => options.hasNoStream(),
    hasStreamExists: () => options.hasStreamExists(),
    revision: () => (options.hasRevision() ? options.getRevision() : undefined),
  })
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

function conflict(options: Options, current: number): streams.AppendResp.WrongExpectedVersion {
  const message = new streams.AppendResp.WrongExpectedVersion()
  if (current < 0) message.setCurrentNoStream(new shared.Empty())
  else message.setCurrentRevision(`${current}`)
  if (options.hasRevision()) return message.setExpectedRevision(options.getRevision())
  if (options.hasNoStream()) return message.setExpectedNoStream(new shared.Empty())
  if (options.hasStreamExists()) return message.setExpectedStreamExists(new shared.Empty())
  return message.setExpectedAny(new shared.Empty())
}
