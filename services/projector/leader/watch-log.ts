import { setTimeout as wait } from 'node:timers/promises'
import { hasCode } from '#domain'
import { verifyLog } from '#eventstore'
import type { ProjectorOptions } from '../projector.ts'

interface WatchOptions extends ProjectorOptions {
  signal: AbortSignal
  /** What the read models were last brought up to. */
  checkpoint: () => { position: bigint; eventId: string } | undefined
}

/** Measures the lag, and checks again and again that the log is still the same. Throws EVENT_LOG_DIVERGED; ends on abort. */
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
