import { setTimeout as wait } from 'node:timers/promises'
import { ensureTopology } from '../ensure-topology.ts'
import type { Messaging } from '../messaging.ts'
import { defaultTimings, type WorkTimings } from '../topology.ts'
import { assessSilence, hearRenewals, type LeaseStatus } from './expiry.ts'
import { leaseSubject, readLease, writeLease } from './record.ts'

const CONFIRM_TIMEOUT_MS = 2_000
// Longer than a lease: a worker that is alive has had time to reconnect and renew.
const QUIET_PER_LEASE = 1.25

/** Signs of life of claims, seen by every worker. */
export interface Leases {
  /** Shows that the claim's worker is alive; false when NATS did not confirm it within 2 s. */
  renew: (storeId: string, claimId: string) => Promise<boolean>
  statusOf: (storeId: string, claimId: string) => Promise<LeaseStatus>
  /** Whether a worker was heard of that holds a claim on the store; false proves nothing. */
  isWorkedOn: (storeId: string) => boolean
  /** Frees it at once, when the claim's work is known to have ended. Never throws. */
  release: (storeId: string, claimId: string) => Promise<void>
  close: () => void
}

/**
 * Opens the bucket that `ensureTopology` made. Time is this process's monotonic clock only: a lease
 * is silent when nothing was heard of it for longer than its time while this connection and the bucket
 * were there to hear it.
 */
export function openLeases(messaging: Messaging, timings: WorkTimings = defaultTimings): Leases {
  const { leaseTtlMs } = timings
  const quietMs = leaseTtlMs * QUIET_PER_LEASE
  const heard = hearRenewals(messaging, quietMs)
  const assess = assessSilence(quietMs)
  const observe = async (subject: string) => {
    const stored = await readLease(messaging, subject)
    return () => assess(subject, stored, heard.listeningForMs())
  }
  // The bucket counts as known from the first time it was read.
  void statusOf('none', 'none')
  // A single server forgets a bucket in memory when it restarts.
  const unregister = messaging.onReconnect(() => void makeBucket(messaging))

  async function statusOf(storeId: string, claimId: string): Promise<LeaseStatus> {
    const subject = leaseSubject(storeId, claimId)
    if (heard.withinMs(subject, leaseTtlMs)) return 'held'
    const assessed = await observe(subject).catch(() => undefined)
    if (assessed === undefined) return 'unknown'
    // What was sent before the answer has been heard before it.
    return heard.withinMs(subject, leaseTtlMs) ? 'held' : assessed()
  }

  return {
    renew: (storeId, claimId) => write(messaging, leaseSubject(storeId, claimId), 'renewal'),
    statusOf,
    isWorkedOn: (storeId) => heard.anyWithinMs(leaseSubject(storeId, ''), leaseTtlMs),
    release: async (storeId, claimId) => {
      await write(messaging, leaseSubject(storeId, claimId), 'release')
    },
    close: () => {
      unregister()
      heard.close()
    },
  }
}

// If the bucket is missing, its listeners keep the server from saying so: the publish times out.
async function write(
  messaging: Messaging,
  subject: string,
  change: 'renewal' | 'release',
): Promise<boolean> {
  const once = { change, timeoutMs: CONFIRM_TIMEOUT_MS / 2 }
  if (await writeLease(messaging, subject, once)) return true
  if (!messaging.isConnected()) return false
  if (!(await makeBucket(messaging))) return false
  return writeLease(messaging, subject, once)
}

/** False when that took longer than a renewal may. */
async function makeBucket(messaging: Messaging): Promise<boolean> {
  const late = wait(CONFIRM_TIMEOUT_MS / 2, false, { ref: false })
  const made = ensureTopology(messaging).then(
    () => true,
    () => false,
  )
  return Promise.race([made, late])
}
