import { expect, test } from 'vitest'
import { leaseTimes, parseConfig } from './config.ts'

const needed = {
  EVENTSTORE_URL: 'esdb://127.0.0.1:2113?tls=false',
  NATS_URL: 'nats://127.0.0.1:4222',
  DATABASE_URL: 'postgres://127.0.0.1/storewright',
}

test('addresses are all it needs; every worker gets an id of its own', () => {
  const config = parseConfig(needed)
  expect(config).toMatchObject({ CONCURRENCY: 4, DRIVER: 'render', HELM_BIN: 'helm' })
  expect(config.RETRY_DELAYS_MS).toEqual([5_000, 30_000, 120_000, 600_000])
  expect(config.WORKER_ID).not.toBe(parseConfig(needed).WORKER_ID)
})

test('all problems are reported at once', () => {
  const wrong = { CONCURRENCY: '0', RETRY_DELAYS_MS: 'soon', WORKER_ID: 'a b', STORES_DOMAIN: '-x' }
  expect(() => parseConfig(wrong)).toThrow(
    /(?=.*EVENTSTORE_URL)(?=.*CONCURRENCY)(?=.*RETRY_DELAYS_MS)(?=.*WORKER_ID)(?=.*STORES_DOMAIN)/s,
  )
})

test.each([1_000, 4_000, 12_000, 60_000])(
  'with a lease of %i ms a helm has ended before its claim can be taken over, and two renewals may fail',
  (LEASE_MS) => {
    const times = leaseTimes(parseConfig({ ...needed, LEASE_MS: String(LEASE_MS) }))
    expect(times.lostAfterMs + times.killAfterMs).toBeLessThan(times.leaseTtlMs)
    expect(times.heartbeatTimeoutMs + times.killAfterMs).toBeLessThan(times.leaseTtlMs)
    expect(3 * times.renewEveryMs).toBeLessThan(times.lostAfterMs)
    expect(times.ackWaitMs).toBeGreaterThan(times.leaseTtlMs)
  },
)
