import { setTimeout as wait } from 'node:timers/promises'
import { hasCode } from '#domain'
import { type EventStore, verifyLog } from '#eventstore'
import type { Messaging } from '#messaging'
import type { Logger } from '#observability'
import type { RelayMetrics } from './metrics.ts'
import type { StoredMessage } from './publish-window.ts'
import { isInStream } from './resume.ts'

interface WatchOptions {
  messaging: Messaging
  store: EventStore
  logger: Logger
  metrics: RelayMetrics
  checkEveryMs: number
  signal: AbortSignal
  /** The newest event known to be stored. */
  lastStored: () => StoredMessage | undefined
  /** Position of the newest event the subscription gave. */
  seen: () => bigint | undefined
}

/**
 * Looks again and again whether the stream and the log still hold what was published last, and
 * whether the subscription follows the log. Throws when the stream was wiped or rolled back or the
 * subscription is silent, and EVENT_LOG_DIVERGED when the log was rolled back; ends on abort.
 */
export async function watchStream(options: WatchOptions): Promise<void> {
  const { signal, logger } = options
  const isStalled = stallDetector(options)
  for (;;) {
    await wait(options.checkEveryMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    try {
      const problem = await problemOf(options, isStalled)
      if (problem !== undefined) throw problem
    } catch (err) {
      if (signal.aborted) return
      if (err instanceof OutOfStep || hasCode(err, 'EVENT_LOG_DIVERGED')) throw err
      logger.warn({ err }, 'The stream and the log cannot be compared')
    }
  }
}

/** The session cannot go on; the next one starts from what is really there. */
class OutOfStep extends Error {
  override readonly name = 'OutOfStep'
}

async function problemOf(
  { messaging, store, lastStored }: WatchOptions,
  isStalled: () => Promise<boolean>,
): Promise<OutOfStep | undefined> {
  if (await isStalled()) return new OutOfStep('The subscription to the log has gone silent')
  const last = lastStored()
  if (last === undefined) return undefined
  if (!(await isInStream(messaging, last)))
    return new OutOfStep('The stream lost what was published last: it was wiped or rolled back')
  await verifyLog(store, last, 'JetStream')
  return undefined
}

/** True when the log went on and the subscription gave nothing between two looks. */
function stallDetector({ store, seen, metrics }: WatchOptions): () => Promise<boolean> {
  let before = { seen: seen(), behindSince: undefined as number | undefined }
  return async () => {
    const head = await store.head()
    const now = seen()
    const isBehind = head !== undefined && head.position > (now ?? -1n)
    const isSilent = isBehind && before.behindSince !== undefined && before.seen === now
    const behindSince = isBehind ? (before.behindSince ?? performance.now()) : undefined
    before = { seen: now, behindSince }
    metrics.lag.set(behindSince === undefined ? 0 : (performance.now() - behindSince) / 1_000)
    return isSilent
  }
}
