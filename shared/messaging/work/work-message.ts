import { storeIdOfSubject } from '#contracts'
import { correlationIdOf, traceparentOf } from '#observability'
import { nanos, type Msg } from 'nats'
import type { Messaging } from '../connection/messaging.ts'
import { headerNames } from './header-names.ts'
import { isStillStored } from './is-still-stored.ts'

const CONFIRM_TIMEOUT_MS = 2_000

/** A hint to look at a store's stream, held by this worker until it is settled or its ack wait ends. */
export interface WorkMessage {
  storeId: string
  subject: string
  /** 1 at the first delivery. */
  deliveries: number
  streamSequence: number
  correlationId?: string
  traceparent?: string
  eventId?: string
  /** Extends the ack wait; false when NATS did not confirm it within 2 s. */
  working: () => Promise<boolean>
  /** Settles it for good, sent twice when not confirmed; false: unknown, it may be delivered again. */
  ack: () => Promise<boolean>
  /** Gives it back, to be delivered again after the delay. */
  retryIn: (delayMs: number) => void
  /** Never delivers it again; the reason stands in the server's advisory. */
  park: (reason: string) => void
}

/** Wraps a delivered message. */
export function workMessageOf(messaging: Messaging, message: Msg): WorkMessage | undefined {
  const storeId = storeIdOfSubject(message.subject)
  const { deliveries, streamSequence } = deliveryOf(message.reply ?? '')
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
    ...(correlationId !== undefined && { correlationId: correlationIdOf(correlationId) }),
    ...(traceparent !== undefined && { traceparent }),
    ...(eventId !== undefined && { eventId }),
    working: () => held.confirm('+WPI'),
    ack: async () => (await held.confirm('+ACK')) || held.confirm('+ACK'),
    retryIn: (delayMs) => held.send(`-NAK ${JSON.stringify({ delay: nanos(delayMs) })}`),
    park: (reason) => held.send(`+TERM ${reason}`),
  }
}

/**
 * A delivery is answered by sequence number. After a reconnection the stream may be another one, in
 * which that number is another store's message: then nothing is said of it, and the delivery is
 * over.
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

/** `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<stream sequence>…` */
function deliveryOf(reply: string): { deliveries: number; streamSequence: number } {
  const tokens = reply.split('.')
  const [deliveries, streamSequence] = tokens.slice(tokens.length === 9 ? 4 : 6)
  return { deliveries: Number(deliveries), streamSequence: Number(streamSequence) }
}
