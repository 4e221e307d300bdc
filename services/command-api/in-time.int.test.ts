import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { EventStore } from '#eventstore'
import { opaqueIds } from '#http'
import { createLogger } from '#observability'
import { type Answer, storeBody } from '#test/http/client'
import { commandApi } from '#test/http/command-api'
import { testEventStore } from '#test/servers/test-eventstore'
import { testLog } from '#test/test-events'
import { expect, test } from 'vitest'
import { buildApp } from './app.ts'

const AT_ONCE = 20
const TIMEOUT_MS = 3_000
const MACHINE_BUSY_MS = 240_000

test(
  'F35: of creations for one tenant that wait for each other, each is answered 503 in its own time',
  { timeout: MACHINE_BUSY_MS },
  async () => {
    await using es = await testEventStore()
    await using api = await commandApi(es.url, { EVENTSTORE_TIMEOUT_MS: `${TIMEOUT_MS}` })
    await api.create()
    await es.kill()
    const answers: string[] = []
    const answered = async (who: string, answer: Promise<Answer>) => {
      const { status } = await answer
      answers.push(`${who} ${status}`)
    }

    const all = Array.from({ length: AT_ONCE }, () => answered('one', api.create()))
    await wait(TIMEOUT_MS / 2)
    // Waits for nobody, and has as much time from now on.
    const later = answered('later', api.send('DELETE', `/api/stores/${randomUUID()}`))

    await Promise.all([...all, later])
    expect(answers).toEqual([...Array<string>(AT_ONCE).fill('one 503'), 'later 503'])
  },
)

test(
  'a tenant whose history takes longer to read than a command may take is served all the same',
  { timeout: MACHINE_BUSY_MS },
  async () => {
    await using es = await testEventStore()
    await using store = testLog(es.url)
    const slow: EventStore = {
      ...store,
      async *readStream(stream, options) {
        if (stream.startsWith('tenant-')) await wait(2 * TIMEOUT_MS)
        yield* store.readStream(stream, options)
      },
    }
    const app = buildApp({
      store: slow,
      ids: opaqueIds('of this test'),
      logger: createLogger({ service: 'test', level: 'silent' }),
      auth: { mode: 'off' },
      storesMax: 1,
      timeoutMs: TIMEOUT_MS,
      now: () => new Date(),
    })

    const { statusCode } = await app.inject({
      method: 'POST',
      url: '/api/stores',
      headers: { 'x-user-id': 'demo' },
      payload: storeBody,
    })

    expect(statusCode).toBe(202)
    await app.close()
  },
)

test(
  'F35: what was answered 503 while it waited is not done when the event store is back',
  { timeout: MACHINE_BUSY_MS },
  async () => {
    await using es = await testEventStore()
    await using api = await commandApi(es.url, { EVENTSTORE_TIMEOUT_MS: `${TIMEOUT_MS}` })
    await api.create()
    await es.kill()
    const refused = await Promise.all(Array.from({ length: AT_ONCE }, () => api.create()))
    expect(refused.map(({ status }) => status)).toEqual(Array(AT_ONCE).fill(503))

    await es.restart()

    await expect
      .poll(async () => (await api.create({ key: 'after' })).status, { timeout: 30_000 })
      .toBe(202)
    expect(await api.slotEvents()).toHaveLength(2)
  },
)
