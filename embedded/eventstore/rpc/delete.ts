import streams from '@eventstore/db-client/generated/streams_pb.js'
import { deleteStream } from '../append-events.ts'
import type { EventLog } from '../log/event-log.ts'
import type { Expected } from '../rules/expected-revision.ts'
import { unaryCall } from './call-handlers.ts'
import { accessDenied, streamDeleted, thrownByHandler, wrongExpectedVersion } from './errors.ts'
import { expectedOf, streamName } from './proposed-event.ts'

type Options = streams.DeleteReq.Options | streams.TombstoneReq.Options

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

async function remove(log: EventLog, options: Options | undefined, hard: boolean): Promise<string> {
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

function deletableStreamName(options: Options): string {
  const stream = streamName(options.getStreamIdentifier())
  if (stream === '$all') throw accessDenied()
  return stream
}

/** The trailer holds a number: the negative ones stand for no_stream, any and stream_exists. */
function expectedNumber(expected: Expected, options: Options): string {
  if (typeof expected === 'number') return options.getRevision()
  return { no_stream: '-1', any: '-2', stream_exists: '-4' }[expected]
}
