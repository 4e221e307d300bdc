import { once } from 'node:events'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import type { EventLog } from '../log/event-log.ts'
import type { StoredEvent } from '../log/frame.ts'
import type { Checkpoint } from '../query/checkpoints.ts'
import { isLink, type ResolvedEvent, resolveLink } from '../query/resolve-link.ts'
import type { ResponseStream } from './call-handlers.ts'
import type { ReadRequest } from './read-request.ts'
import { structuredUuid } from './uuid.ts'

/** The answer that carries an event and, where it came through one, its link. */
function eventResponse({ event, link }: ResolvedEvent, textIds: boolean): streams.ReadResp {
  const message = new streams.ReadResp.ReadEvent()
  if (event) message.setEvent(recordedEvent(event, textIds))
  if (link) message.setLink(recordedEvent(link, textIds))
  const { position } = link ?? event ?? { position: 0 }
  return new streams.ReadResp().setEvent(message.setCommitPosition(`${position}`))
}

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

function recordedEvent(
  event: StoredEvent,
  textIds: boolean,
): streams.ReadResp.ReadEvent.RecordedEvent {
  const message = new streams.ReadResp.ReadEvent.RecordedEvent()
    .setId(textIds ? new shared.UUID().setString(event.id) : structuredUuid(event.id))
    .setStreamIdentifier(identifierOf(event.stream))
    .setStreamRevision(`${event.revision}`)
    .setCommitPosition(`${event.position}`)
    .setPreparePosition(`${event.position}`)
    .setCustomMetadata(event.metadata)
    .setData(event.data)
  const properties = message.getMetadataMap()
  properties.set('type', event.type)
  properties.set('content-type', event.contentType)
  properties.set('created', ticksOf(event.createdMs))
  return message
}

function identifierOf(stream: string): shared.StreamIdentifier {
  return new shared.StreamIdentifier().setStreamName(Buffer.from(stream))
}

/** Units of 100 ns since the Unix epoch. */
function ticksOf(ms: number): string {
  return `${Math.trunc(ms)}0000`
}

export type ReadCall = ResponseStream<streams.ReadResp>

/** Sends answers no faster than the client takes them. */
export interface ResponseWriter {
  /** Aborted when the client has gone. */
  signal: AbortSignal
  /** Resolves when the next answer may be sent; throws when the client has gone. */
  send: (response: streams.ReadResp) => Promise<void> | undefined
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

/** Sends events, links followed where that was asked for. */
export async function sendEvents(
  log: EventLog,
  { resolveLinks, textIds }: ReadRequest,
  writer: ResponseWriter,
  events: StoredEvent[],
): Promise<void> {
  for (const event of events) {
    const follow = resolveLinks && isLink(event)
    const resolved = follow ? await resolveLink(log, event) : { event, link: undefined }
    const wait = writer.send(eventResponse(resolved, textIds))
    if (wait) await wait
  }
}
