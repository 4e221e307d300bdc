import { eventStreamName, provisionersConsumer } from '#contracts'
import { createInbox, nanos, type Msg } from 'nats'
import type { Messaging } from '../connection/messaging.ts'

const SERVER_GRACE_MS = 2_000
const nextSubject = `$JS.API.CONSUMER.MSG.NEXT.${eventStreamName}.${provisionersConsumer}`

/** What one request for a message came to; `missing`: no such stream or consumer, or no JetStream. */
export type Pulled = { message: Msg } | 'none' | 'missing' | 'lost'

/** Asks the consumer for one message. A message that arrives after the end of the call is given back. */
export async function pullOne(
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
