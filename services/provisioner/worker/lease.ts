import { AppError } from '#domain'
import type { ClaimLease } from '../reconcile/driver.ts'
import { patiently } from './retry-append.ts'

export interface LeaseOptions {
  claimId: string
  /** Asks the bus to keep the lease for another while; true when it is known to be kept. */
  renew: () => Promise<boolean>
  /** Whether the log still has the claim as the store's newest. */
  isCurrent: () => Promise<boolean>
  /** Aborted when this process has no time left for helm. */
  shutdownDeadline: AbortSignal
  renewEveryMs: number
  /** How long a question to a log that is out of reach is asked again. */
  patienceMs: number
  /** Without a renewal for so long the claim may be taken over soon: all work stops. */
  lostAfterMs: number
}

export interface HeldLease extends Omit<ClaimLease, 'attempt'> {
  /** Aborted when the lease is lost: nothing may be written for this claim any more. */
  lost: AbortSignal
  close: () => Promise<void>
}

/**
 * A lease that is kept while work goes on. Counted on the monotonic clock from when the last confirmed
 * renewal was sent, so neither a clock that jumps nor a slow answer makes it longer; once lost it stays lost.
 * Undefined when the bus does not confirm the first renewal.
 */
export async function acquireLease(options: LeaseOptions): Promise<HeldLease | undefined> {
  const { claimId, renewEveryMs, lostAfterMs } = options
  const losing = new AbortController()
  let deadline = fromNow(lostAfterMs)
  if (!(await options.renew())) return undefined

  const lose = (why: string) => losing.abort(new AppError('CLAIM_LOST', why))
  const expired = () => process.hrtime.bigint() >= deadline
  const loseExpired = () => {
    if (expired()) lose(`The lease was not renewed for ${lostAfterMs} ms`)
  }
  const renew = async () => {
    loseExpired()
    const next = fromNow(lostAfterMs)
    const kept = await options.renew().catch(() => false)
    loseExpired()
    if (kept) deadline = next
  }
  // The log may be out of reach for a while; nobody can take the claim over without it either.
  const look = async () => {
    if (!(await options.isCurrent().catch(() => true)))
      lose('The store was asked for something else')
  }
  const working = new Set<Promise<void>>()
  const track = (work: Promise<void>) => {
    working.add(work)
    void work.finally(() => working.delete(work))
  }
  const renewals = setInterval(() => [renew(), look()].forEach(track), renewEveryMs)
  const watch = setInterval(loseExpired, Math.min(250, renewEveryMs / 4))
  return {
    claimId,
    lost: losing.signal,
    signal: AbortSignal.any([losing.signal, options.shutdownDeadline]),
    deadline: () => deadline,
    confirm: async () => {
      loseExpired()
      const { patienceMs, shutdownDeadline: hurry } = options
      const patience = { patienceMs, hurry, lost: losing.signal }
      if (!(await patiently(options.isCurrent, patience)))
        lose('The store was taken over or asked for something else')
      loseExpired()
      losing.signal.throwIfAborted()
    },
    close: async () => {
      clearInterval(renewals)
      clearInterval(watch)
      await Promise.all(working)
    },
  }
}

const fromNow = (ms: number): bigint => process.hrtime.bigint() + BigInt(ms) * 1_000_000n
