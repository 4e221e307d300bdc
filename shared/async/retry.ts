import { setTimeout as wait } from 'node:timers/promises'

/** Waits; an abort ends the wait with its reason. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, signal && { signal })
  } catch {
    signal?.throwIfAborted()
  }
}
