import type { StoredLease } from './record.ts'

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
