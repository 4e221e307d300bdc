import { setTimeout as wait } from 'node:timers/promises'
import type { Messaging } from '../messaging.ts'
import { placeSubjects } from '../topology.ts'
import { isGivenBack, type StoredPlace } from './record.ts'

// A holder's silence counts from when it was heard, the server's from when it wrote.
const LATER_MS = 250
const AGAIN_MS = 500
const QUIET_PER_LEASE = 1.25

/** What this process knows of all places from listening, in its own monotonic time. */
export interface WatchedPlaces {
  /** False when it is surely held. */
  mayBeFree: (subject: string) => boolean
  /** Whether a place that was just read can be taken. */
  isFree: (subject: string, stored: StoredPlace) => boolean
  /** Settles when one of the places may have become free, or on abort. */
  change: (subjects: string[], signal: AbortSignal) => Promise<void>
  close: () => void
}

interface Sign {
  at: number
  /** The stored value this sign was read from; absent when it was heard. */
  sequence?: number
}

/** Hears who takes, keeps and gives back places; nothing is asked for again and again. */
export function watchPlaces(messaging: Messaging, ttlMs: number): WatchedPlaces {
  const signs = new Map<string, Sign>()
  const waiting = new Set<() => void>()
  let prunedAt = performance.now()
  const subscription = messaging.connection.subscribe(placeSubjects, {
    callback: (error, message) => {
      if (error !== null) return
      const now = performance.now()
      signs.delete(message.subject)
      if (isGivenBack(message.headers)) for (const wake of waiting) wake()
      else signs.set(message.subject, { at: now })
      if (now - prunedAt > ttlMs) prunedAt = prune(signs, now - 2 * ttlMs)
    },
  })
  const dueAt = (subject: string) => {
    const sign = signs.get(subject)
    return sign === undefined ? 0 : sign.at + ttlMs + LATER_MS
  }

  // The server lets a silent place expire; where its clock jumped back, it is free after as long here.
  function isFree(subject: string, { sequence, holder }: StoredPlace): boolean {
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
