import type { StoredLease } from './record.ts'

/** Whether a claim's worker shows signs of life. `free` is proof of its silence; `unknown` is no proof. */
export type LeaseStatus = 'held' | 'free' | 'unknown'

/**
 * Assesses a lease of which nothing was heard. An absent lease is free only when this process listened, and
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
      return Math.min(knownForMs, listeningForMs) >= quietMs ? 'free' : 'unknown'
    }
    if (lease.released) return 'free'
    const before = seen.get(subject)
    if (before?.sequence !== lease.sequence) {
      seen.set(subject, { sequence: lease.sequence, at: now() })
      return 'held'
    }
    return now() - before.at >= quietMs ? 'free' : 'held'
  }
}
