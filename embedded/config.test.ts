import { expect, test } from 'vitest'
import { parseStackConfig } from './config.ts'
import { serviceEnv } from './stack/service-table.ts'

test.for([
  [{}, '127.0.0.1'],
  [{ HOST: '::1' }, '::1'],
  [{ HOST: 'localhost', AUTH: 'off' }, 'localhost'],
  [{ HOST: '0.0.0.0', AUTH: 'jwt' }, '0.0.0.0'],
] as const)('with %j the front listens at %s', ([env, host]) => {
  expect(parseStackConfig(env, []).host).toBe(host)
})

test.for(['0.0.0.0', '::', '10.0.0.7'])(
  'without authentication the front does not listen at %s',
  (HOST) => {
    expect(() => parseStackConfig({ HOST }, [])).toThrow(/HOST/)
  },
)

test('the services behind the front listen on loopback, wherever it listens', () => {
  const addresses = { eventStore: 'e', nats: 'n', database: 'd' }
  const env = serviceEnv(
    { HOST: '0.0.0.0', PORT: '3001' },
    { addresses, dataDir: '/data', positionKey: 'k', auditKey: 'a' },
  )
  expect(env).toMatchObject({ HOST: '127.0.0.1', PORT: '0' })
})
