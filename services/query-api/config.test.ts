import { expect, test } from 'vitest'
import { parseConfig } from './config.ts'

const urls = {
  EVENTSTORE_URL: 'esdb://127.0.0.1:2113?tls=false',
  DATABASE_URL: 'postgres://127.0.0.1/storewright',
}

test('what is not given has a default that serves loopback only', () => {
  expect(parseConfig({ ...urls, AUTH: 'off' })).toMatchObject({
    HOST: '127.0.0.1',
    LIVE_HEARTBEAT_MS: 15_000,
    EVENTSTORE_TIMEOUT_MS: 5_000,
  })
})

test('without authentication, another address than loopback is refused', () => {
  expect(() => parseConfig({ ...urls, AUTH: 'off', HOST: '0.0.0.0' })).toThrow(
    'off is for a loopback HOST only',
  )
})

test('authentication needs all that tokens are checked against', () => {
  expect(() => parseConfig(urls)).toThrow('AUTH_ISSUER')
})
