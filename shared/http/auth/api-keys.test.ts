import { expect, test } from 'vitest'
import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { followKeys, keyIdIn, newKey } from './api-keys.ts'

const logger = createLogger({ service: 'test', level: 'silent' })

test('a key says its id, and a mistyped one says nothing', () => {
  const { id, text } = newKey()

  expect(text).toMatch(/^sw_[0-9a-f]{16}_[0-9A-Za-z]{49}$/)
  expect(keyIdIn(text)).toBe(id)
  for (const place of [4, 30, text.length - 1]) {
    const other = text[place] === 'a' ? 'b' : 'a'
    expect(keyIdIn(text.slice(0, place) + other + text.slice(place + 1))).toBeUndefined()
  }
})

test('a key that the log cannot confirm is refused until it can, and what it opened ends', async () => {
  const stopped = new AbortController()
  const key = newKey()
  let answers = true
  const store = {
    ping: async () => {
      if (!answers) throw new Error('no answer')
    },
    async *subscribeToAll() {
      const { id, hash } = key
      const createdAt = '2026-01-01T00:00:00.000Z'
      const data = { id, hash, tenantId: 'acme', name: 'panel', roles: ['read'], createdAt }
      const stream = `key-${id}`
      const said = { actor: 'user:a', tenantId: 'acme', correlationId: 'c', commandId: 'd' }
      const metadata = { ...said, schemaVersion: 1 }
      yield { type: 'ApiKeyCreated', data, metadata, stream, revision: 0n }
      yield { caughtUp: true } as const
      await new Promise((resolve) => stopped.signal.addEventListener('abort', resolve))
    },
  }
  const keys = followKeys({ store, logger, signal: stopped.signal, staleAfterMs: 400 })
  await eventually(() => expect(keys.find(key.text, Date.now())).toBeDefined())
  const opened = keys.find(key.text, Date.now())

  answers = false

  await eventually(async () => expect(opened?.ended.aborted).toBe(true))
  expect(() => keys.find(key.text, Date.now())).toThrow(
    expect.objectContaining({ code: 'KEYS_UNAVAILABLE', retryable: true }),
  )
  await expect(keys.check()).rejects.toThrow('cannot be checked')

  answers = true

  await eventually(() => expect(keys.find(key.text, Date.now())?.ended.aborted).toBe(false))
  stopped.abort()
})
