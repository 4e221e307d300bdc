/** Work took longer than it was given. */
export class OutOfTimeError extends Error {
  constructor(timeoutMs: number) {
    super(`No answer within ${timeoutMs} ms`)
    this.name = 'OutOfTimeError'
  }
}

/** Settles as `work` does, or rejects with OutOfTimeError after `timeoutMs`, or with the signal's reason. */
export function within<T>(work: Promise<T>, timeoutMs: number, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(() => reject(new OutOfTimeError(timeoutMs))), timeoutMs)
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
