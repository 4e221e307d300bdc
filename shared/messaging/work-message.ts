import { type Msg, nanos } from 'nats'
import { eventStreamName, storeIdOfSubject } from '#contracts'
import { correlationIdOf, traceparentOf } from '#observability'
import { ifPresent } from './api-errors.ts'
import type { Messaging } from './messaging.ts'

const CONFIRM_TIMEOUT_MS = 2_000

/** A hint to read a store's stream, held by this worker until it is settled or its ack wait ends. */
export interface WorkMessage {
  storeId: string
  subject: string
  /** 1 at the first delivery. */
  deliveries: number
  streamSequence: number
  /** How many messages stood behind it that nobody had yet. */
  pending?: number
  correlationId?: string
  traceparent?: string
  eventId?: string
  /** Extends the ack wait; false when NATS did not confirm it within 2 s. */
  working: () => Promise<boolean>
  /** Settles it for good, sent twice when not confirmed; false: not confirmed, it may be delivered again. */
  ack: () => Promise<boolean>
  /** Returns it, to be delivered again after the delay. */
  requeueAfter: (delayMs: number) => void
  /** Never delivers it again; the server's advisory carries the reason. */
  park: (reason: string) => void
}

/** Wraps a delivered message. */
export function workMessageOf(messaging: Messaging, message: Msg): WorkMessage | undefined {
  const storeId = storeIdOfSubject(message.subject)
  const { deliveries, streamSequence, pending } = deliveryOf(message.reply ?? '')
  if (storeId === undefined) return undefined
  const held = holdingOf(messaging, message, streamSequence)
  const header = (name: string) => message.headers?.get(name) || undefined
  const correlationId = header(headerNames.correlationId)
  const traceparent = traceparentOf(header(headerNames.traceparent))
  const eventId = header(headerNames.eventId)
  return {
    storeId,
    subject: message.subject,
    deliveries,
    streamSequence,
    pending,
    ...(correlationId !== undefined && { correlationId: correlationIdOf(correlationId) }),
    ...(traceparent !== undefined && { traceparent }),
    ...(eventId !== undefined && { eventId }),
    working: () => held.confirm('+WPI'),
    ack: async () => (await held.confirm('+ACK')) || held.confirm('+ACK'),
    requeueAfter: (delayMs) => held.send(`-NAK ${JSON.stringify({ delay: nanos(delayMs) })}`),
    park: (reason) => held.send(`+TERM ${reason}`),
  }
}

/**
 * A delivery is answered by sequence number. After a reconnection the stream may be another one, in
 * which that number belongs to another store's message: then nothing is sent, and the delivery has
 * ended.
 */
function holdingOf(messaging: Messaging, message: Msg, sequence: number) {
  const { connection } = messaging
  let connects = messaging.connects()
  let gone = false
  const isMine = async () => {
    const now = messaging.connects()
    if (now === connects || gone) return !gone
    gone = !(await isStillStored(messaging, sequence, message))
    connects = now
    return !gone
  }
  return {
    confirm: async (answer: string): Promise<boolean> => {
      try {
        if (!(await isMine())) return true
        await connection.request(message.reply ?? '', answer, { timeout: CONFIRM_TIMEOUT_MS })
        return true
      } catch {
        return false
      }
    },
    send: (answer: string): void => {
      if (gone || messaging.connects() !== connects || connection.isClosed()) return
      message.respond(answer)
    },
  }
}

/** `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>…` */
function deliveryOf(reply: string) {
  const tokens = reply.split('.')
  const [deliveries, streamSequence, , , pending] = tokens.slice(tokens.length === 9 ? 4 : 6)
  return {
    deliveries: Number(deliveries),
    streamSequence: Number(streamSequence),
    pending: Number(pending),
  }
}

const API_TIMEOUT_MS = 2_000

/** Whether the stream still holds this very message at this sequence. Throws when NATS does not answer. */
async function isStillStored(
  { connection }: Messaging,
  sequence: number,
  message: Msg,
): Promise<boolean> {
  const manager = await connection.jetstreamManager({ timeout: API_TIMEOUT_MS, checkAPI: false })
  const lookUp = manager.streams.getMessage(eventStreamName, { seq: sequence })
  const stored = await ifPresent(lookUp)
  if (stored === undefined) return false
  const eventId = message.headers?.get(headerNames.eventId) ?? ''
  return stored.subject === message.subject && stored.header.get(headerNames.eventId) === eventId
}

/** Headers of a message, beside CloudEvents' own `ce-*`. */
export const headerNames = {
  /** The id of the event; JetStream's own header of deduplication. */
  eventId: 'Nats-Msg-Id',
  /** The event's commit position in the log. */
  position: 'log-position',
  /** Up to this position of the log every event was in the stream before this message was sent. */
  completeTo: 'log-complete-to',
  correlationId: 'correlation-id',
  traceparent: 'traceparent',
} as const
