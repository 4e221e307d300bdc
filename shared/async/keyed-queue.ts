import { setTimeout as wait } from 'node:timers/promises'

const WAIT_MAX_MS = 250

const queues = new WeakMap<object, Map<string, Promise<unknown>>>()

/**
 * Runs `work` after earlier work for the same owner and key has ended, or after 250 ms. Writers of one process then
 * rarely conflict with each other; correctness does not depend on it.
 */
export async function inTurn<T>(owner: object, key: string, work: () => Promise<T>): Promise<T> {
  const queue = queues.get(owner) ?? new Map<string, Promise<unknown>>()
  queues.set(owner, queue)
  const earlier = queue.get(key)
  const turn = earlier ? settledSoon(earlier).then(work) : work()
  queue.set(key, turn)
  try {
    return await turn
  } finally {
    if (queue.get(key) === turn) queue.delete(key)
  }
}

async function settledSoon(earlier: Promise<unknown>): Promise<void> {
  const done = new AbortController()
  const settled = earlier.then(
    () => undefined,
    () => undefined,
  )
  const late = wait(WAIT_MAX_MS, undefined, { signal: done.signal }).catch(() => undefined)
  await Promise.race([settled, late])
  done.abort()
}
