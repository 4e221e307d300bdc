import { setTimeout as wait } from 'node:timers/promises'

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

/** Waits; an abort ends the wait with its reason. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, signal && { signal })
  } catch {
    signal?.throwIfAborted()
  }
}
