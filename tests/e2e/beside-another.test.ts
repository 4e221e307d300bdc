import { expect, test } from 'vitest'
import { npmStart } from '#test/stack/npm-start'
import { storeClient } from '#test/stack/store-client'
import { forgetSettings } from '#test/vitest/forget-settings'

test('two systems run beside each other, and neither sees the stores of the other', async () => {
  await using one = await npmStart()
  await using other = await npmStart()
  const headers = { 'idempotency-key': 'the-same' }

  const id = await storeClient(one.url).accepted({ headers })
  await storeClient(one.url).untilStatus(id, 'ready')

  const { pagination } = await storeClient(other.url).list('limit=1')
  expect(pagination.total).toBe(0)
})

test('a shell’s settings of a running system reach no test, its programs do', () => {
  const env: NodeJS.ProcessEnv = {
    DATABASE_URL: 'postgres://elsewhere',
    PORT: '3001',
    STOREWRIGHT_DATA: '/elsewhere',
    HELM_BIN: '/bin/helm',
    PATH: '/bin',
  }

  forgetSettings(env)

  expect(env).toEqual({ HELM_BIN: '/bin/helm', PATH: '/bin' })
})
