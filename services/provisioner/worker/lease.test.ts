import { setTimeout as wait } from 'node:timers/promises'
import { AppError } from '#domain'
import { eventually } from '#test/eventually'
import { afterEach, expect, test, vi } from 'vitest'
import { acquireLease, type LeaseOptions } from './lease.ts'

afterEach(() => void vi.useRealTimers())

test('without a first confirmed renewal there is no lease', async () => {
  expect(await acquireLease(options({ renew: async () => false }))).toBeUndefined()
})

test('a lease that is renewed outlives its first deadline', async () => {
  const lease = await opened({})
  const { deadline } = lease
  const first = deadline()
  await eventually(() => expect(process.hrtime.bigint()).toBeGreaterThan(first))
  expect(lease.lost.aborted).toBe(false)
  await lease.confirm()
  await lease.close()
})

test('a lease whose renewals are not confirmed is lost, and stays lost when they are again', async () => {
  let kept = true
  let renewals = 0
  const renew = async () => {
    renewals++
    return kept
  }
  const lease = await opened({ renew })
  kept = false
  await eventually(() => expect(lease.lost.aborted).toBe(true))
  kept = true
  const before = renewals
  await eventually(() => expect(renewals).toBeGreaterThan(before + 1))
  await expect(lease.confirm()).rejects.toMatchObject({ code: 'CLAIM_LOST' })
  expect(lease.signal.aborted).toBe(true)
  await lease.close()
})

test('a renewal counts from when it was sent, however late its answer comes', async () => {
  let slow = false
  const renew = async () => {
    if (slow) await wait(400)
    return true
  }
  const lease = await opened({ renew })
  slow = true
  await eventually(() => expect(lease.lost.aborted).toBe(true))
  await lease.close()
})

test('a store that was asked for something else ends the lease', async () => {
  let isCurrent = true
  const lease = await opened({ isCurrent: async () => isCurrent })
  isCurrent = false
  await eventually(() => expect(lease.lost.aborted).toBe(true))
  await lease.close()
})

test('a log that is out of reach does not end the lease', async () => {
  let away = false
  let reads = 0
  const isCurrent = async () => {
    reads++
    if (away) throw new AppError('EVENT_STORE_UNAVAILABLE', 'away', { retryable: true })
    return true
  }
  const lease = await opened({ isCurrent, retryForMs: 0 })
  away = true
  const before = reads
  await eventually(() => expect(reads).toBeGreaterThan(before + 9))
  expect(lease.lost.aborted).toBe(false)
  await expect(lease.confirm()).rejects.toMatchObject({ code: 'EVENT_STORE_UNAVAILABLE' })
  await lease.close()
})

test('F43: a clock that jumps an hour ahead or back neither ends a lease nor makes it longer', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const lease = await opened({})
  for (const jumpMs of [3_600_000, -7_200_000]) {
    vi.setSystemTime(Date.now() + jumpMs)
    const { deadline } = lease
    const before = deadline()
    await eventually(() => expect(deadline()).toBeGreaterThan(before))
    expect(lease.lost.aborted).toBe(false)
  }
  await lease.close()
})

const options = (change: Partial<LeaseOptions>): LeaseOptions => ({
  claimId: 'c',
  renew: async () => true,
  isCurrent: async () => true,
  shutdownDeadline: new AbortController().signal,
  renewEveryMs: 40,
  lostAfterMs: 300,
  retryForMs: 1_000,
  ...change,
})

async function opened(change: Partial<LeaseOptions>) {
  const lease = await acquireLease(options(change))
  if (lease === undefined) throw new Error('no lease')
  return lease
}
