import { createInbox, type Msg, type NatsConnection } from 'nats'
import { z } from 'zod'
import { headerNames } from '#messaging'
import type { OutgoingMessage } from './message.ts'

const STALLED_AFTER_MS = 5_000
const LOOK_EVERY_MS = 1_000

/** An event known to be in the stream under this sequence number. */
export interface StoredMessage {
  eventId: string
  position: bigint
  sequence: number
}

interface WindowOptions {
  connection: NatsConnection
  /** Messages sent and not yet acknowledged, at most. */
  limit: number
  /** Up to this position of the log every event is known to be in the stream. */
  completeTo: bigint | undefined
  onAck: (result: 'stored' | 'present', completeTo: bigint | undefined) => void
  /** Called once, when an event was refused or no answer came for 5 s; nothing is sent after that. */
  onFailure: (error: Error) => void
}

export type PublishWindow = ReturnType<typeof openWindow>

interface Sent {
  message: OutgoingMessage
  acked: boolean
}

/**
 * Publishes in order without waiting for each answer. Every message says up to where the log was
 * complete in the stream when it was sent, so a relay that finds it as the last one can go on from there.
 */
export function openWindow(options: WindowOptions) {
  const { connection, limit, onAck } = options
  const inbox = createInbox()
  const sent: Sent[] = []
  let first = 0
  let sentUpTo = 0
  let { completeTo } = options
  let lastStored: StoredMessage | undefined
  let progressAt = performance.now()
  let closed = false
  let room = Promise.withResolvers<void>()

  const subscription = connection.subscribe(`${inbox}.*`, {
    callback: (error, answer) => (error === null ? settle(answer) : fail(error)),
  })
  const timer = setInterval(() => {
    if (sent.length > 0 && performance.now() - progressAt > STALLED_AFTER_MS)
      fail(new Error('JetStream acknowledged nothing for 5 s'))
  }, LOOK_EVERY_MS)

  function settle(answer: Msg): void {
    const number = Number(answer.subject.slice(inbox.length + 1))
    const entry = sent[number - first]
    if (closed || entry === undefined || entry.acked) return
    const ack = pubAckOf(answer)
    if ('refused' in ack) return fail(ack.refused)
    const { eventId, position } = entry.message
    const { result, sequence } = ack
    // Also of a duplicate: the server knows recent ids even of messages that were removed since.
    if (sequence !== undefined) lastStored = { eventId, position, sequence }
    entry.acked = true
    advance()
    onAck(result, completeTo)
  }

  function advance(): void {
    let done = 0
    while (sent[done]?.acked === true) done++
    completeTo = sent[done - 1]?.message.position ?? completeTo
    sent.splice(0, done)
    first += done
    progressAt = performance.now()
    if (sent.length <= limit / 2) room.resolve()
  }

  function fail(error: Error): void {
    if (closed) return
    close()
    options.onFailure(error)
  }

  function close(): void {
    closed = true
    clearInterval(timer)
    room.resolve()
    if (!connection.isClosed()) subscription.unsubscribe()
  }

  function trySend(): void {
    try {
      send()
    } catch (error) {
      fail(new Error('An event could not be sent', { cause: error }))
    }
  }

  // All that came in one turn goes out in one write: a write of its own costs more than all else.
  function send(): void {
    const unsent = sent.slice(sentUpTo - first)
    for (const { message } of closed ? [] : unsent) {
      if (completeTo !== undefined) message.headers.append(headerNames.completeTo, `${completeTo}`)
      const { subject, payload, headers } = message
      connection.publish(subject, payload, { headers, reply: `${inbox}.${sentUpTo++}` })
    }
  }

  return {
    /** Sends an event; the promise waits for room for the next. */
    publish: async (message: OutgoingMessage): Promise<void> => {
      if (closed) return
      if (sent.length === 0) progressAt = performance.now()
      if (first + sent.length === sentUpTo) setImmediate(trySend)
      sent.push({ message, acked: false })
      if (sent.length < limit) return
      room = Promise.withResolvers<void>()
      await room.promise
    },
    lastStored: () => lastStored,
    isEmpty: () => sent.length === 0,
    close,
  }
}

const WRONG_LAST_SUBJECT_SEQUENCE = 10_071

/** What JetStream answered: under which sequence it has the event, if it says so, or why not. */
type PubAck = { result: 'stored' | 'present'; sequence: number | undefined } | { refused: Error }

const answer = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown
    } catch {
      context.addIssue({ code: 'custom', message: 'is not JSON' })
      return z.NEVER
    }
  })
  .pipe(
    z.object({
      seq: z.number().optional(),
      duplicate: z.boolean().optional(),
      error: z.object({ err_code: z.number(), description: z.string() }).optional(),
    }),
  )

/** Reads the answer to a publish. */
export function pubAckOf(message: Pick<Msg, 'headers' | 'string'>): PubAck {
  if (message.headers?.code === 503) return { refused: new Error('No stream takes events') }
  const parsed = answer.safeParse(message.string())
  if (!parsed.success) return { refused: parsed.error }
  const { seq, duplicate, error } = parsed.data
  if (error?.err_code === WRONG_LAST_SUBJECT_SEQUENCE)
    return { result: 'present', sequence: undefined }
  if (error !== undefined)
    return { refused: new Error(`JetStream refused an event: ${error.description}`) }
  if (seq === undefined) return { refused: new Error('JetStream answered without a sequence') }
  return { result: duplicate === true ? 'present' : 'stored', sequence: seq }
}
