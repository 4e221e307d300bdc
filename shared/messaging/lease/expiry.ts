import type { Messaging } from '../messaging.ts'
import { leaseSubjects } from '../topology.ts'
import { isRelease, type StoredLease } from './record.ts'

/**
 * Whether a claim's worker shows signs of life. `released`: it said that its work has ended; `silent` is proof that
 * nothing was heard of it for long enough; `unknown` is no proof of anything.
 */
export type LeaseStatus = 'held' | 'released' | 'silent' | 'unknown'

/**
 * Assesses a lease of which nothing was heard. An absent lease is silent only when this process listened, and
 * knew this very bucket, for `quietMs`; a value that is still there counts as held until the same
 * value has been seen for `quietMs`, whatever the server's clock does to its expiry.
 */
export function assessSilence(quietMs: number, now: () => number = () => performance.now()) {
  let bucket = { name: '', seenAt: 0 }
  const seen = new Map<string, { sequence: number; at: number }>()

  return (subject: string, stored: StoredLease, listeningForMs: number): LeaseStatus => {
    if (bucket.name !== stored.bucket) {
      bucket = { name: stored.bucket, seenAt: now() }
      seen.clear()
    }
    const { lease } = stored
    if (lease === undefined) {
      seen.delete(subject)
      const knownForMs = now() - bucket.seenAt
      return Math.min(knownForMs, listeningForMs) >= quietMs ? 'silent' : 'unknown'
    }
    if (lease.released) return 'released'
    const before = seen.get(subject)
    if (before?.sequence !== lease.sequence) {
      seen.set(subject, { sequence: lease.sequence, at: now() })
      return 'held'
    }
    return now() - before.at >= quietMs ? 'silent' : 'held'
  }
}

/** When each lease was last heard of, in monotonic time of this process. */
interface HeardRenewals {
  withinMs: (subject: string, limitMs: number) => boolean
  /** Whether a subject that begins like this was heard of within the time. */
  anyWithinMs: (prefix: string, limitMs: number) => boolean
  /** For how long without a gap everything that was sent has been heard. */
  listeningForMs: () => number
  close: () => void
}

/** Listens to all renewals, and forgets a lease that was not renewed for `keepMs`. */
export function hearRenewals(messaging: Messaging, keepMs: number): HeardRenewals {
  const heardAt = new Map<string, number>()
  const openedAt = performance.now()
  let prunedAt = openedAt
  const subscription = messaging.connection.subscribe(leaseSubjects, {
    callback: (error, message) => {
      if (error !== null) return
      const now = performance.now()
      heardAt.delete(message.subject)
      if (!isRelease(message.headers)) heardAt.set(message.subject, now)
      if (now - prunedAt > keepMs) prunedAt = prune(heardAt, now, keepMs)
    },
  })
  return {
    withinMs: (subject, limitMs) => {
      const at = heardAt.get(subject)
      return at !== undefined && performance.now() - at < limitMs
    },
    anyWithinMs: (prefix, limitMs) => {
      const since = performance.now() - limitMs
      return [...heardAt].some(([subject, at]) => at > since && subject.startsWith(prefix))
    },
    listeningForMs: () => Math.min(messaging.connectedForMs(), performance.now() - openedAt),
    close: () => {
      if (!subscription.isClosed()) subscription.unsubscribe()
    },
  }
}

// Oldest first: a renewal moves its lease to the end.
function prune(heardAt: Map<string, number>, now: number, keepMs: number): number {
  for (const [subject, at] of heardAt) {
    if (now - at < keepMs) break
    heardAt.delete(subject)
  }
  return now
}
