import { setTimeout as wait } from 'node:timers/promises'
import { hasCode } from '#domain'
import { type EventStore, verifyLog } from '#eventstore'
import type { Logger } from '#observability'
import type { ProjectorMetrics } from '../metrics.ts'

interface WatchOptions {
  store: EventStore
  logger: Logger
  metrics: ProjectorMetrics
  verifyEveryMs?: number
  signal: AbortSignal
  /** The last event in the read models. */
  checkpoint: () => { position: bigint; eventId: string } | undefined
}

/** Measures the lag and checks at an interval that the log is still the same. Throws EVENT_LOG_DIVERGED; ends on abort. */
export async function watchLog(options: WatchOptions): Promise<void> {
  const { store, logger, metrics, signal, checkpoint, verifyEveryMs = 5_000 } = options
  let caughtUpAt = performance.now()
  while (!signal.aborted) {
    await wait(verifyEveryMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    try {
      const held = checkpoint()
      if (held !== undefined) await verifyLog(store, held, 'read models')
      const head = await store.head()
      const isBehind = head !== undefined && head.position > (checkpoint()?.position ?? -1n)
      if (!isBehind) caughtUpAt = performance.now()
      metrics.lag.set(isBehind ? (performance.now() - caughtUpAt) / 1_000 : 0)
    } catch (err) {
      if (hasCode(err, 'EVENT_LOG_DIVERGED')) throw err
      logger.warn({ err }, 'the event log cannot be checked')
    }
  }
}
