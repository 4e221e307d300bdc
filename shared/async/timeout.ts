import { AppError } from '#domain'

/** Settles as `work` does, or with EVENT_STORE_UNAVAILABLE after `timeoutMs`, or with the signal's reason. */
export function within<T>(work: Promise<T>, timeoutMs: number, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(() => reject(timedOut(timeoutMs))), timeoutMs)
    const onAbort = () => settle(() => reject(signal?.reason))
    const settle = (how: () => void) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      how()
    }
    work.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    )
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()
  })
}

function timedOut(timeoutMs: number): AppError {
  return new AppError(
    'EVENT_STORE_UNAVAILABLE',
    `The event store did not answer within ${timeoutMs} ms`,
    { retryable: true },
  )
}
