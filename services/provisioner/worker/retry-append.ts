import { setTimeout as wait } from 'node:timers/promises'
import { hasCode } from '#domain'

const RETRY_EVERY_MS = 500

/** True while the event store serves nobody here: it is away, or denies access until an operator allows it. */
export function isLogUnavailable(error: unknown): boolean {
  return hasCode(error, 'EVENT_STORE_UNAVAILABLE', 'EVENT_STORE_ACCESS_DENIED')
}

export interface RetryOptions {
  /** How long the event store may be unavailable. */
  retryForMs: number
  /** Ends the retries: the last error is thrown. */
  shutdownDeadline: AbortSignal
  /** Ends everything: its reason is thrown. */
  lost: AbortSignal
  onRetry?: (error: unknown) => void
}

/** Retries an append, or a read that an append depends on, while the event store is unavailable. */
export async function retryAppend<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { retryForMs, shutdownDeadline, lost, onRetry } = options
  const giveUpAt = performance.now() + retryForMs
  const ended = AbortSignal.any([lost, shutdownDeadline])
  for (;;) {
    try {
      lost.throwIfAborted()
      return await work()
    } catch (error) {
      lost.throwIfAborted()
      const mayPass = isLogUnavailable(error) || hasCode(error, 'CONCURRENT_MODIFICATION')
      if (!mayPass || shutdownDeadline.aborted || performance.now() > giveUpAt) throw error
      onRetry?.(error)
    }
    await wait(RETRY_EVERY_MS, undefined, { signal: ended }).catch(() => {})
  }
}
