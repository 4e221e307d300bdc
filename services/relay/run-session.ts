import type { EventStore, RecordedEvent } from '#eventstore'
import { ensureTopology, untilConnected, type Messaging } from '#messaging'
import type { Logger } from '#observability'
import type { RelayMetrics } from './metrics.ts'
import { isStoreEvent, messageOf } from './message.ts'
import { openWindow, type PublishWindow } from './publish-window.ts'
import { resumePoint } from './resume.ts'
import { watchStream } from './watch-stream.ts'

const PAYLOAD_MAX = 1_048_576

export interface SessionOptions {
  store: EventStore
  messaging: Messaging
  logger: Logger
  metrics: RelayMetrics
  signal: AbortSignal
  windowMax: number
  checkEveryMs: number
  /** Called whenever the stream is known to take events, or to hold them all. */
  onWorking: () => void
}

/** Publishes from where the stream ends until something goes wrong, which it throws; ends on abort. */
export async function runSession(options: SessionOptions): Promise<void> {
  const { store, messaging, metrics, signal, logger } = options
  await untilConnected(messaging, signal)
  if (signal.aborted) return
  await ensureTopology(messaging)
  const { completeTo, last } = await resumePoint(messaging, store)
  const broken = new AbortController()
  const fail = (error: unknown) => broken.abort(error)
  const until = AbortSignal.any([signal, broken.signal])
  const window = openWindow({
    connection: messaging.connection,
    limit: options.windowMax,
    completeTo,
    onAck: (result, position) => {
      metrics.messages.inc({ result })
      metrics.position.set(Number(position ?? 0n))
      // What is there already proves nothing of a stream that takes no more.
      if (result === 'stored' || window.isEmpty()) options.onWorking()
    },
    onFailure: fail,
  })
  const forget = messaging.onDisconnect(() => fail(new Error('The connection to NATS was lost')))
  let seen = completeTo
  const watching = watchStream({
    ...options,
    signal: until,
    lastStored: () => window.lastStored() ?? last,
    seen: () => seen,
  })
  watching.catch(fail)
  logger.info({ after: completeTo === undefined ? 'the start' : `${completeTo}` }, 'relaying')
  try {
    for await (const item of store.subscribeToAll({ ...after(completeTo), signal: until })) {
      if ('position' in item) seen = item.position
      if ('id' in item && isStoreEvent(item)) await publish(item, window, options)
      if ('caughtUp' in item && window.isEmpty()) options.onWorking()
    }
  } finally {
    forget()
    window.close()
    fail(undefined)
    await watching.catch(() => {})
  }
  if (!signal.aborted) throw broken.signal.reason
}

const after = (position: bigint | undefined) => (position === undefined ? {} : { after: position })

async function publish(
  event: RecordedEvent,
  window: PublishWindow,
  { metrics, logger, messaging }: SessionOptions,
): Promise<void> {
  const message = messageOf(event, messaging.connection.info?.max_payload ?? PAYLOAD_MAX)
  if (message !== undefined) return window.publish(message)
  metrics.skipped.inc()
  logger.error({ stream: event.stream, type: event.type }, 'This event cannot be a message')
}
