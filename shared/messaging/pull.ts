import { setTimeout as wait } from 'node:timers/promises'
import { kindOfError } from '#observability'
import { createInbox, type Msg, nanos } from 'nats'
import { eventStreamName, provisionersConsumer } from '#contracts'
import { ensureTopology, repairConsumer } from './ensure-topology.ts'
import type { Messaging } from './messaging.ts'
import { type WorkMessage, workMessageOf } from './work-message.ts'

const PULL_MAX_MS = 5_000
const BACK_OFF_MS = 250

export interface NextWorkOptions {
  signal: AbortSignal
  /** How long to wait for a message. */
  expiresMs: number
}

/**
 * The next message; undefined when none came in time or on abort. Waits through a
 * lost connection, makes a missing stream or consumer again, and never throws because NATS is away.
 */
export async function nextWork(
  messaging: Messaging,
  { signal, expiresMs }: NextWorkOptions,
): Promise<WorkMessage | undefined> {
  const until = performance.now() + expiresMs
  while (!signal.aborted) {
    const restMs = until - performance.now()
    if (restMs <= 0) return undefined
    const message = await tryOnce(messaging, signal, Math.min(restMs, PULL_MAX_MS))
    if (message !== undefined) return message
  }
  return undefined
}

async function tryOnce(
  messaging: Messaging,
  signal: AbortSignal,
  expiresMs: number,
): Promise<WorkMessage | undefined> {
  try {
    if (!messaging.isConnected()) return await pause(signal)
    const pulled = await pullOne(messaging, { signal, expiresMs: Math.ceil(expiresMs) })
    if (typeof pulled === 'object') return workMessageOf(messaging, pulled.message)
    if (signal.aborted) return undefined
    if (pulled === 'none') await repairConsumer(messaging)
    if (pulled === 'missing') await ensureTopology(messaging)
    if (pulled !== 'none') await pause(signal)
  } catch (error) {
    messaging.limited(`pull: ${kindOfError(error)}`, (counted) =>
      messaging.logger.warn({ err: error, ...counted }, 'Asking NATS for work failed'),
    )
    await pause(signal)
  }
  return undefined
}

async function pause(signal: AbortSignal): Promise<undefined> {
  await wait(BACK_OFF_MS, undefined, { signal }).catch(() => {})
}

const SERVER_GRACE_MS = 2_000
const nextSubject = `$JS.API.CONSUMER.MSG.NEXT.${eventStreamName}.${provisionersConsumer}`

/** What one request for a message came to; `missing`: no such stream or consumer, or no JetStream. */
type Pulled = { message: Msg } | 'none' | 'missing' | 'lost'

/** Asks the consumer for one message. A message that arrives after the end of the call is returned. */
async function pullOne(
  messaging: Messaging,
  { signal, expiresMs }: { signal: AbortSignal; expiresMs: number },
): Promise<Pulled> {
  const { connection } = messaging
  const inbox = createInbox()
  const { promise, resolve } = Promise.withResolvers<Pulled>()
  let ended = false
  const end = (pulled: Pulled) => {
    ended = true
    resolve(pulled)
  }
  const subscription = connection.subscribe(inbox, {
    callback: (error, message) => {
      const pulled = error === null ? outcomeOf(message) : 'lost'
      if (!ended) return end(pulled)
      if (typeof pulled === 'object') message.respond('-NAK')
    },
  })
  const forget = messaging.onDisconnect(() => end('lost'))
  const timer = setTimeout(() => end('lost'), expiresMs + SERVER_GRACE_MS)
  const stop = () => end('none')
  signal.addEventListener('abort', stop)
  connection.publish(nextSubject, JSON.stringify({ batch: 1, expires: nanos(expiresMs) }), {
    reply: inbox,
  })
  const pulled = await promise
  clearTimeout(timer)
  signal.removeEventListener('abort', stop)
  forget()
  // Draining instead of leaving: what is on its way still reaches the callback.
  if (!connection.isClosed()) subscription.drain().catch(() => {})
  return pulled
}

function outcomeOf(message: Msg): Pulled {
  const status = message.headers?.code ?? 0
  if (status === 0) return { message }
  if (status === 404 || status === 408) return 'none'
  if (status === 503 || message.headers?.description.includes('Deleted')) return 'missing'
  return 'lost'
}
