import { once } from 'node:events'
import type streams from '@eventstore/db-client/generated/streams_pb.js'
import type { EventLog } from '../log/event-log.ts'
import type { StoredEvent } from '../log/frame.ts'
import { isLink, resolveLink } from '../query/resolve-link.ts'
import type { ResponseStream } from './call-handlers.ts'
import type { ReadRequest } from './read-request.ts'
import { eventResponse } from './read-response.ts'

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
