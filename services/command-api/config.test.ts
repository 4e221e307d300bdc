import { expect, test } from 'vitest'
import { parseConfig } from './config.ts'

const EVENTSTORE_URL = 'esdb://127.0.0.1:2113?tls=false'

test('what is not given has a default that serves loopback only', () => {
  expect(parseConfig({ EVENTSTORE_URL, AUTH: 'off' })).toMatchObject({
    HOST: '127.0.0.1',
    STORES_PER_TENANT_MAX: 1_000,
    EVENTSTORE_TIMEOUT_MS: 5_000,
  })
})

test('without authentication, another address than loopback is refused', () => {
  expect(() => parseConfig({ EVENTSTORE_URL, AUTH: 'off', HOST: '0.0.0.0' })).toThrow(
    'off is for a loopback HOST only',
  )
})

test('authentication needs all that tokens are checked against', () => {
  expect(() => parseConfig({ EVENTSTORE_URL })).toThrow('AUTH_ISSUER')
})
