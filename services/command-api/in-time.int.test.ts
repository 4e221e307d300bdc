import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { EventStore } from '#eventstore'
import { opaqueIds } from '#http'
import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { type Answer, storeBody, storeIn } from '#test/http/client'
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
    await using world = await withOneStore()
    const { es, api } = world
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
    await using app = appThatReadsSlowly(store, 'tenant-')

    const { statusCode } = await app.inject({
      method: 'POST',
      url: '/api/stores',
      headers: { 'x-user-id': 'demo' },
      payload: storeBody,
    })

    expect(statusCode).toBe(202)
  },
)

test(
  'F35: a command to an operation is answered in the same time',
  { timeout: MACHINE_BUSY_MS },
  async () => {
    await using es = await testEventStore()
    await using store = testLog(es.url)
    await using app = appThatReadsSlowly(store, 'operation-')

    const { statusCode, body } = await app.inject({
      method: 'POST',
      url: '/api/v1/operations/3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11/cancel',
      headers: { 'x-user-id': 'demo' },
    })

    expect(statusCode).toBe(503)
    expect(body).toContain('EVENT_STORE_UNAVAILABLE')
  },
)

/** Each read of a stream of that kind takes twice the time of a command. */
function appThatReadsSlowly(store: EventStore, streamPrefix: string) {
  const slow: EventStore = {
    ...store,
    async *readStream(stream, options) {
      if (stream.startsWith(streamPrefix)) await wait(2 * TIMEOUT_MS)
      yield* store.readStream(stream, options)
    },
  }
  return buildApp({
    store: slow,
    ids: opaqueIds('of this test'),
    logger: createLogger({ service: 'test', level: 'silent' }),
    auth: { mode: 'off' },
    storesMax: 1,
    timeoutMs: TIMEOUT_MS,
    now: () => new Date(),
  })
}

/** A command API in a tenant with one store; its event store is of its own. */
async function withOneStore() {
  await using building = new AsyncDisposableStack()
  const es = building.use(await testEventStore())
  const api = building.use(await commandApi(es.url, { EVENTSTORE_TIMEOUT_MS: `${TIMEOUT_MS}` }))
  await api.create()
  const parts = building.move()
  return { es, api, [Symbol.asyncDispose]: () => parts.disposeAsync() }
}

test(
  'F35: what was answered 503 while it waited is not done when the event store is back',
  { timeout: MACHINE_BUSY_MS },
  async () => {
    await using world = await withOneStore()
    const { es, api } = world
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

test(
  'F35: a creation that was answered 503 and its repetitions with the same key are one store and one slot',
  { timeout: MACHINE_BUSY_MS },
  async () => {
    await using world = await withOneStore()
    const { es, api } = world
    const keys = Array.from({ length: AT_ONCE }, (_, n) => `key-${n}`)
    es.freeze()
    const refused = await Promise.all(keys.map((key) => api.create({ key })))
    expect(refused.map(({ status }) => status)).toEqual(Array(AT_ONCE).fill(503))
    const other = { key: 'key-0', body: { ...storeBody, name: 'Other' } }

    // Some meet the event store as it is answering what was given up, and some come behind that.
    const early = keys.map((key) => api.create({ key }))
    es.thaw()
    await Promise.all(early)
    const accepted = await eventually(async () => {
      const answers = await Promise.all(keys.map((key) => api.create({ key })))
      expect(answers.map(({ status }) => status)).toEqual(Array(AT_ONCE).fill(202))
      return answers
    })

    const ids = accepted.map((answer) => storeIn(answer).id)
    const slots = (await api.slotEvents()).slice(1)
    expect(slots.every(({ type }) => type === 'StoreSlotReserved')).toBe(true)
    expect(new Set(slots.map(({ data }) => 'storeId' in data && data.storeId))).toEqual(
      new Set(ids),
    )
    expect(slots).toHaveLength(ids.length)
    for (const id of ids) expect(await api.eventsOf(id)).toHaveLength(1)
    expect((await api.create(other)).json).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
  },
)

test(
  'F35: a cancel that was answered 503 is done once, whether it or its repetition with the same key did it',
  { timeout: MACHINE_BUSY_MS },
  async () => {
    await using es = await testEventStore()
    await using api = await commandApi(es.url, { EVENTSTORE_TIMEOUT_MS: `${TIMEOUT_MS}` })
    const { id } = storeIn(await api.create())
    const cancel = () => api.send('POST', `/api/stores/${id}/cancel`, { key: 'once' })
    es.freeze()
    const refused = await Promise.all([cancel(), cancel(), cancel()])
    expect(refused.map(({ status }) => status)).toEqual([503, 503, 503])

    const early = cancel()
    es.thaw()
    await early
    await eventually(async () => expect((await cancel()).status).toBe(202))

    expect((await cancel()).headers.get('idempotency-replayed')).toBe('true')
    expect((await api.eventsOf(id)).map(({ type }) => type)).toEqual([
      'StoreRequested',
      'CancelRequested',
      'StoreFailed',
    ])
  },
)
