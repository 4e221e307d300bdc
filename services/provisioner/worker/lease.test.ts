import { setTimeout as wait } from 'node:timers/promises'
import { AppError } from '#domain'
import { eventually } from '#test/eventually'
import { afterEach, expect, test, vi } from 'vitest'
import { openLicence, type LicenceOptions } from './lease.ts'

afterEach(() => void vi.useRealTimers())

test('without a first confirmed renewal there is no licence', async () => {
  expect(await openLicence(options({ renew: async () => false }))).toBeUndefined()
})

test('a licence that is renewed outlives its first deadline', async () => {
  const licence = await opened({})
  const { deadline } = licence
  const first = deadline()
  await eventually(() => expect(process.hrtime.bigint()).toBeGreaterThan(first))
  expect(licence.lost.aborted).toBe(false)
  await licence.confirm()
  await licence.close()
})

test('a licence whose renewals are not confirmed is lost, and stays lost when they are again', async () => {
  let kept = true
  const licence = await opened({ renew: async () => kept })
  kept = false
  await eventually(() => expect(licence.lost.aborted).toBe(true))
  kept = true
  await wait(100)
  await expect(licence.confirm()).rejects.toMatchObject({ code: 'CLAIM_LOST' })
  expect(licence.signal.aborted).toBe(true)
  await licence.close()
})

test('a renewal counts from when it was sent, however late its answer comes', async () => {
  let slow = false
  const renew = async () => {
    if (slow) await wait(400)
    return true
  }
  const licence = await opened({ renew })
  slow = true
  await eventually(() => expect(licence.lost.aborted).toBe(true))
  await licence.close()
})

test('a store that was asked for something else ends the licence', async () => {
  let stands = true
  const licence = await opened({ stands: async () => stands })
  stands = false
  await eventually(() => expect(licence.lost.aborted).toBe(true))
  await licence.close()
})

test('a log that is out of reach does not end the licence', async () => {
  let away = false
  const stands = async () => {
    if (away) throw new AppError('EVENT_STORE_UNAVAILABLE', 'away', { retryable: true })
    return true
  }
  const licence = await opened({ stands, patienceMs: 0 })
  away = true
  await wait(400)
  expect(licence.lost.aborted).toBe(false)
  await expect(licence.confirm()).rejects.toMatchObject({ code: 'EVENT_STORE_UNAVAILABLE' })
  await licence.close()
})

test('F43: a clock that jumps an hour ahead or back neither ends a licence nor makes it longer', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const licence = await opened({})
  for (const jumpMs of [3_600_000, -7_200_000]) {
    vi.setSystemTime(Date.now() + jumpMs)
    await wait(150)
    expect(licence.lost.aborted).toBe(false)
  }
  await licence.close()
})

const options = (change: Partial<LicenceOptions>): LicenceOptions => ({
  claimId: 'c',
  renew: async () => true,
  stands: async () => true,
  outOfTime: new AbortController().signal,
  renewEveryMs: 40,
  lostAfterMs: 300,
  patienceMs: 1_000,
  ...change,
})

async function opened(change: Partial<LicenceOptions>) {
  const licence = await openLicence(options(change))
  if (licence === undefined) throw new Error('no licence')
  return licence
}
