import { once } from 'node:events'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import type { EventLog } from '../log/event-log.ts'
import type { StoredEvent } from '../log/frame.ts'
import type { Checkpoint } from '../query/checkpoints.ts'
import { isLink, resolveLink } from '../query/resolve-link.ts'
import type { ResponseStream } from './call-handlers.ts'
import type { ReadRequest } from './read-request.ts'
import { eventResponse } from './event-message.ts'

/** A subscription's first answer. */
export function confirmationResponse(subscriptionId: string): streams.ReadResp {
  const message = new streams.ReadResp.SubscriptionConfirmation()
  return new streams.ReadResp().setConfirmation(message.setSubscriptionId(subscriptionId))
}

/** Everything up to the position was considered. */
export function checkpointResponse({
  commitPosition,
  preparePosition,
}: Checkpoint): streams.ReadResp {
  const message = new streams.ReadResp.Checkpoint()
  message.setCommitPosition(`${commitPosition}`).setPreparePosition(`${preparePosition}`)
  return new streams.ReadResp().setCheckpoint(message)
}

/** From here on events are sent as they happen. */
export function caughtUpResponse(): streams.ReadResp {
  return new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp())
}

/** There is no such stream, or none that can be seen. */
export function streamNotFoundResponse(stream: string): streams.ReadResp {
  const message = new streams.ReadResp.StreamNotFound().setStreamIdentifier(identifierOf(stream))
  return new streams.ReadResp().setStreamNotFound(message)
}

/** The lowest revision that can be read. */
export function firstPositionResponse(revision: number): streams.ReadResp {
  return new streams.ReadResp().setFirstStreamPosition(`${revision}`)
}

/** The stream's newest revision. */
export function lastPositionResponse(revision: number): streams.ReadResp {
  return new streams.ReadResp().setLastStreamPosition(`${revision}`)
}

function identifierOf(stream: string): shared.StreamIdentifier {
  return new shared.StreamIdentifier().setStreamName(Buffer.from(stream))
}

export type ReadCall = ResponseStream<streams.ReadResp | Buffer>

/** Sends answers no faster than the client takes them. */
export interface ResponseWriter {
  /** Aborted when the client has gone. */
  signal: AbortSignal
  /** Resolves when the next answer may be sent; throws when the client has gone. */
  send: (response: streams.ReadResp | Buffer) => Promise<void> | undefined
}

/** Follows one call; writing waits where HTTP/2 flow control says so. */
export function responseWriter(call: ReadCall): ResponseWriter {
  const gone = new AbortController()
  call.on('cancelled', () => gone.abort())
  call.on('close', () => gone.abort())
  const { signal } = gone
  return {
    signal,
    send: (response) => {
      signal.throwIfAborted()
      return call.write(response) ? undefined : drained(call, signal)
    },
  }
}

async function drained(call: ReadCall, signal: AbortSignal): Promise<void> {
  await once(call, 'drain', { signal })
}

/** Sends an event, its link followed where that was asked for; a promise only where that takes a while. */
export function sendEvent(
  log: EventLog,
  { resolveLinks, textIds }: ReadRequest,
  writer: ResponseWriter,
  event: StoredEvent,
): Promise<void> | undefined {
  if (!resolveLinks || !isLink(event)) return writer.send(eventResponse(event, undefined, textIds))
  return resolveLink(log, event).then((resolved) =>
    writer.send(eventResponse(resolved.event, resolved.link, textIds)),
  )
}
