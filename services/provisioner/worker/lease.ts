import { AppError } from '#domain'
import type { ClaimLease } from '../reconcile/driver.ts'
import { retryAppend } from './retry-append.ts'

export interface LeaseOptions {
  claimId: string
  /** Renews the lease; true when NATS confirmed it. */
  renew: () => Promise<boolean>
  /** Whether the claim is still the newest event of the store, apart from the claim's own steps. */
  isCurrent: () => Promise<boolean>
  /** Aborted when this process must end helm to shut down in time. */
  shutdownDeadline: AbortSignal
  renewEveryMs: number
  /** How long `confirm` is retried while the event store is unavailable. */
  retryForMs: number
  /** After this time without a renewal another worker may soon take the claim over: all work stops. */
  lostAfterMs: number
}

export interface HeldLease extends Omit<ClaimLease, 'attempt'> {
  /** Aborted when the lease is lost: nothing may be written for this claim any more. */
  lost: AbortSignal
  close: () => Promise<void>
}

/**
 * Acquires a lease and renews it until it is closed. It counts on the monotonic clock from when the last confirmed
 * renewal was sent, so neither a clock that jumps nor a slow answer makes it longer; once lost it stays lost.
 * Undefined when NATS does not confirm the first renewal.
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
    const renewed = await options.renew().catch(() => false)
    loseExpired()
    if (renewed) deadline = next
  }
  // While the event store is unavailable nobody can take the claim over either.
  const checkClaim = async () => {
    if (!(await options.isCurrent().catch(() => true)))
      lose('The store was asked for something else')
  }
  const working = new Set<Promise<void>>()
  const track = (work: Promise<void>) => {
    working.add(work)
    void work.finally(() => working.delete(work))
  }
  const renewals = setInterval(() => [renew(), checkClaim()].forEach(track), renewEveryMs)
  const watch = setInterval(loseExpired, Math.min(250, renewEveryMs / 4))
  return {
    claimId,
    lost: losing.signal,
    signal: AbortSignal.any([losing.signal, options.shutdownDeadline]),
    deadline: () => deadline,
    confirm: async () => {
      loseExpired()
      const { retryForMs, shutdownDeadline } = options
      const retries = { retryForMs, shutdownDeadline, lost: losing.signal }
      if (!(await retryAppend(options.isCurrent, retries)))
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
