import { expect, test } from 'vitest'
import { ownEnvironment } from './config.ts'

test('what we start on loopback is never asked for through a proxy, and the shell’s own exceptions stay', () => {
  const env = { http_proxy: 'http://127.0.0.1:9', no_proxy: 'example.com' }

  ownEnvironment(env)

  expect(env).toMatchObject({
    http_proxy: 'http://127.0.0.1:9',
    no_proxy: 'example.com,127.0.0.1,localhost,::1',
    NO_PROXY: '127.0.0.1,localhost,::1',
  })
})

test('settings of the clients of PostgreSQL and helm reach neither; ours do', () => {
  const env = { PGSSLMODE: 'require', PGPASSWORD: 'x', HELM_DRIVER: 'sql', HELM_BIN: '/bin/helm' }

  ownEnvironment(env)

  expect(Object.keys(env)).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/^PG|^HELM_DRIVER/)]),
  )
  expect(env).toMatchObject({ HELM_BIN: '/bin/helm' })
})

test('a database of somebody else’s is reached as the shell says', () => {
  const env = { PGSSLMODE: 'require', DATABASE_URL: 'postgres://db' }

  ownEnvironment(env)

  expect(env).toMatchObject({ PGSSLMODE: 'require' })
})
