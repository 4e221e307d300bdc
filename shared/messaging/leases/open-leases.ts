import type { Messaging } from '../connection/messaging.ts'
import { ensureTopology } from '../topology/ensure-topology.ts'
import { defaultTimings, type WorkTimings } from '../topology/topology.ts'
import { hearRenewals } from './hear-renewals.ts'
import { judgeSilence } from './judge-silence.ts'
import { isBucketMissing, leaseSubject, readLease, writeLease } from './lease-record.ts'

// Silence is longer than a lease: a live worker has had time to come back and renew.
const QUIET_PER_LEASE = 1.25

/** Whether a claim's worker shows signs of life. `free` is proof of its silence; `unknown` is no proof. */
export type LeaseStatus = 'held' | 'free' | 'unknown'

/** Signs of life of claims, seen by every worker. */
export interface Leases {
  /** Shows that the claim's worker lives; false when NATS did not confirm it within 2 s. */
  renew: (storeId: string, claimId: string) => Promise<boolean>
  isHeld: (storeId: string, claimId: string) => Promise<LeaseStatus>
  /** Frees it at once, for a worker whose work is known to have ended. Never throws. */
  release: (storeId: string, claimId: string) => Promise<void>
  close: () => void
}

/**
 * Opens the bucket that `ensureTopology` made. Time is this process's monotonic clock only: a claim
 * is free when it was released, or when nothing was heard of it for longer than a lease while this
 * connection and the bucket were there to hear it.
 */
export function openLeases(messaging: Messaging, timings: WorkTimings = defaultTimings): Leases {
  const { leaseTtlMs } = timings
  const quietMs = leaseTtlMs * QUIET_PER_LEASE
  const heard = hearRenewals(messaging, quietMs)
  const silence = judgeSilence(quietMs)
  const write = (subject: string, change: 'renewal' | 'release') =>
    writeOrMakeBucket(messaging, subject, change)
  const look = async (subject: string) => {
    const stored = await readLease(messaging, subject)
    return () => silence(subject, stored, heard.listeningForMs())
  }
  // The bucket's time begins with the first look at it.
  void look(leaseSubject('none', 'none')).then(
    (judge) => judge(),
    () => {},
  )

  return {
    renew: (storeId, claimId) => write(leaseSubject(storeId, claimId), 'renewal'),
    release: async (storeId, claimId) =>
      void (await write(leaseSubject(storeId, claimId), 'release')),
    isHeld: async (storeId, claimId) => {
      const subject = leaseSubject(storeId, claimId)
      if (heard.withinMs(subject, leaseTtlMs)) return 'held'
      const judge = await look(subject).catch(() => undefined)
      if (judge === undefined) return 'unknown'
      // What was sent before the answer has been heard before it.
      return heard.withinMs(subject, leaseTtlMs) ? 'held' : judge()
    },
    close: heard.close,
  }
}

async function writeOrMakeBucket(
  messaging: Messaging,
  subject: string,
  change: 'renewal' | 'release',
): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      await writeLease(messaging, subject, change)
      return true
    } catch (error) {
      if (attempt === 2 || !isBucketMissing(error)) return false
      await ensureTopology(messaging).catch(() => {})
    }
  }
}
