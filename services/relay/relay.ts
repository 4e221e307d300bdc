import { setTimeout as wait } from 'node:timers/promises'
import { hasCode } from '#domain'
import type { EventStore, RecordedEvent } from '#eventstore'
import { ensureTopology, type Messaging, untilConnected } from '#messaging'
import type { Logger } from '#observability'
import type { RelayMetrics } from './metrics.ts'
import { isStoreEvent, messageOf } from './message.ts'
import { openWindow, type PublishWindow } from './publish-window.ts'
import { resumePoint } from './resume.ts'
import { watchStream } from './watch-stream.ts'

const BACK_OFF_MS = [100, 250, 500, 1_000, 2_000, 5_000]
const DIVERGED_BACK_OFF_MS = 10_000

type RelayStatus = 'starting' | 'relaying' | { cause: unknown }

/** Publishes every event of every store to JetStream, in order, until the signal is aborted; begins again after any failure. */
export function startRelay(options: Omit<SessionOptions, 'onWorking'>) {
  let status: RelayStatus = 'starting'
  const done = run()

  async function run(): Promise<void> {
    const { signal, metrics } = options
    for (let failures = 0; !signal.aborted;) {
      const onWorking = () => {
        if (status === 'relaying') return
        status = 'relaying'
        failures = 0
        metrics.failing.set(0)
        metrics.diverged.set(0)
      }
      try {
        await runSession({ ...options, onWorking })
      } catch (cause) {
        status = { cause }
        await waitAfter(cause, ++failures)
      }
    }
  }

  async function waitAfter(cause: unknown, failures: number): Promise<void> {
    const { logger, metrics, signal } = options
    const isDiverged = hasCode(cause, 'EVENT_LOG_DIVERGED')
    metrics.failures.inc()
    metrics.failing.set(1)
    metrics.diverged.set(isDiverged ? 1 : 0)
    if (isDiverged) logger.fatal({ err: cause }, 'Events are not published')
    else logger.error({ err: cause, failures }, 'Events are not published; beginning again')
    const backOffMs = BACK_OFF_MS[Math.min(failures, BACK_OFF_MS.length) - 1] ?? 0
    const delayMs = isDiverged ? DIVERGED_BACK_OFF_MS : backOffMs
    await wait(delayMs, undefined, { signal }).catch(() => {})
  }

  return { status: () => status, done }
}

const PAYLOAD_MAX = 1_048_576

interface SessionOptions {
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
async function runSession(options: SessionOptions): Promise<void> {
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
