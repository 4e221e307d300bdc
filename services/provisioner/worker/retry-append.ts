import { setTimeout as wait } from 'node:timers/promises'
import { hasCode } from '#domain'

const RETRY_EVERY_MS = 500

export interface Patience {
  /** How long the log may be out of reach. */
  patienceMs: number
  /** Ends the patience: what was last wrong is thrown. */
  hurry: AbortSignal
  /** Ends everything: its reason is thrown. */
  lost: AbortSignal
  onRetry?: (error: unknown) => void
}

/** Does work on the log again and again while the log is out of reach, as long as patience lasts. */
export async function patiently<T>(work: () => Promise<T>, patience: Patience): Promise<T> {
  const { patienceMs, hurry, lost, onRetry } = patience
  const giveUpAt = performance.now() + patienceMs
  for (;;) {
    try {
      lost.throwIfAborted()
      return await work()
    } catch (error) {
      lost.throwIfAborted()
      const mayPass = hasCode(error, 'EVENT_STORE_UNAVAILABLE', 'CONCURRENT_MODIFICATION')
      if (!mayPass || hurry.aborted || performance.now() > giveUpAt) throw error
      onRetry?.(error)
    }
    await wait(RETRY_EVERY_MS, undefined, { signal: AbortSignal.any([lost, hurry]) }).catch(
      () => {},
    )
  }
}
