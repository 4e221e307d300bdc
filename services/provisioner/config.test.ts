import { expect, test } from 'vitest'
import { parseConfig } from './config.ts'

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

test.each([
  [{ LEASE_LOST_MS: '11000' }, 'LEASE_TTL_MS'],
  [{ HELM_KILL_AFTER_MS: '4000' }, 'LEASE_TTL_MS'],
  [{ LEASE_RENEW_MS: '5000' }, 'LEASE_RENEW_MS'],
  [{ ACK_WAIT_MS: '7000' }, 'ACK_WAIT_MS'],
  [{ HEARTBEAT_TIMEOUT_MS: '10500' }, 'HEARTBEAT_TIMEOUT_MS'],
])('times with which two helms could overlap are refused: %o', (change, named) => {
  expect(() => parseConfig({ ...needed, ...change })).toThrow(named)
})
