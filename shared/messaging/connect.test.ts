import { expect, test } from 'vitest'
import { connectionOptions } from './connect.ts'

test('several servers, and the credentials of the first address, are taken from the URL', () => {
  const options = connectionOptions('nats://us%40er:p%3Ass@one:4222, nats://two:4223', 'relay')

  expect(options).toMatchObject({ servers: ['one:4222', 'two:4223'], user: 'us@er', pass: 'p:ss' })
  expect(options.tls).toBeUndefined()
})

test('a tls address asks for encryption', () => {
  expect(connectionOptions('tls://one:4222', 'relay').tls).toEqual({})
})

test('a connection never gives up', () => {
  expect(connectionOptions('nats://one:4222', 'relay').maxReconnectAttempts).toBe(-1)
})
