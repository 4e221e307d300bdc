import { setTimeout as wait } from 'node:timers/promises'
import type { Messaging } from '../messaging.ts'
import { permitSubjects } from '../topology.ts'
import { isReleased, type StoredPermit } from './permit.ts'

// Silence counts from when a renewal was heard; on the server, from when it was written.
const LATER_MS = 250
const AGAIN_MS = 500
const QUIET_PER_LEASE = 1.25

/** What this process has heard of all permits, in its own monotonic time. */
export interface WatchedPermits {
  /** False when it is certainly held. */
  mayBeFree: (subject: string) => boolean
  /** Whether a permit that was just read can be acquired. */
  isFree: (subject: string, stored: StoredPermit) => boolean
  /** Settles when one of the permits may have become free, or on abort. */
  change: (subjects: string[], signal: AbortSignal) => Promise<void>
  close: () => void
}

interface Sign {
  at: number
  /** The stored value this sign was read from; absent when it was heard. */
  sequence?: number
}

/** Hears which permits are acquired, renewed and released; nothing is polled. */
export function watchPermits(messaging: Messaging, ttlMs: number): WatchedPermits {
  const signs = new Map<string, Sign>()
  const waiting = new Set<() => void>()
  let prunedAt = performance.now()
  const subscription = messaging.connection.subscribe(permitSubjects, {
    callback: (error, message) => {
      if (error !== null) return
      const now = performance.now()
      signs.delete(message.subject)
      if (isReleased(message.headers)) for (const tell of waiting) tell()
      else signs.set(message.subject, { at: now })
      if (now - prunedAt > ttlMs) prunedAt = prune(signs, now - 2 * ttlMs)
    },
  })
  const dueAt = (subject: string) => {
    const sign = signs.get(subject)
    return sign === undefined ? 0 : sign.at + ttlMs + LATER_MS
  }

  // The server lets a silent permit expire; if the server's clock jumped back, this process's clock decides.
  function isFree(subject: string, { sequence, holder }: StoredPermit): boolean {
    const now = performance.now()
    const before = signs.get(subject)
    if (holder === undefined) return true
    if (before?.sequence === sequence) return now - before.at >= ttlMs * QUIET_PER_LEASE
    signs.set(subject, { at: now, sequence })
    return false
  }

  async function change(subjects: string[], signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const done = new AbortController()
    const restMs = Math.min(...subjects.map(dueAt)) - performance.now()
    const timer = wait(Math.max(AGAIN_MS, restMs), undefined, { signal: done.signal })
    waiting.add(resolve)
    signal.addEventListener('abort', () => resolve(), { signal: done.signal })
    if (!signal.aborted) await Promise.race([promise, timer])
    waiting.delete(resolve)
    done.abort()
    await timer.catch(() => {})
  }

  return {
    mayBeFree: (subject) => dueAt(subject) <= performance.now(),
    isFree,
    change,
    close: () => {
      if (!subscription.isClosed()) subscription.unsubscribe()
    },
  }
}

function prune(signs: Map<string, Sign>, before: number): number {
  for (const [subject, { at }] of signs) if (at < before) signs.delete(subject)
  return performance.now()
}
