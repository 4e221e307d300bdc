import { expect, test } from 'vitest'
import { openEventStore } from '#eventstore'
import { eventually } from '#test/eventually'
import { testEventStore } from '#test/test-eventstore'
import { apiProcess } from './fixtures/api-process.ts'
import { storeBody, storeIn } from './fixtures/client.ts'
import { logReader } from './fixtures/log-reader.ts'

test('F1: killed before anything is stored, nothing exists, and a retry makes exactly one store', async () => {
  await using world = await testWorld()
  await world.events.kill()
  const died = await world.api()
  const lost = died.create({ key: 'k' }).catch(() => 'no answer')
  await eventually(() => expect(died.lines.join('\n')).toContain('waiting for a part'))
  await died.end('SIGKILL')
  expect(await lost).toBe('no answer')
  await world.events.restart()
  expect(await world.requestedStores()).toEqual([])

  const answer = await (await world.api()).create({ key: 'k' })

  expect(answer.status).toBe(202)
  expect(await world.requestedStores()).toMatchObject([{ storeId: storeIn(answer).id }])
})

test('F2: killed with requests under way, each retry gets the store that was stored, or makes the one', async () => {
  await using world = await testWorld()
  const keys = Array.from({ length: 40 }, (_, i) => `k${i}`)
  for (let round = 1; round <= 5; round++) {
    const dying = await world.api()
    const lost = keys.map((key) => dying.create({ key }).catch(() => 'no answer'))
    await Promise.race(lost)
    await dying.end('SIGKILL')
    await Promise.all(lost)
  }

  const living = await world.api()
  const answers = await Promise.all(keys.map((key) => living.create({ key })))

  const stored = await world.requestedStores()
  expect(stored).toHaveLength(keys.length)
  expect(await world.slotEvents()).toHaveLength(keys.length)
  for (const store of answers.map(storeIn)) {
    const requested = stored.find(({ storeId }) => storeId === store.id)
    expect(requested?.requestedAt).toBe(store.createdAt)
  }
})

test('F3: a request whose outcome stays unknown is a 503, and its retry makes exactly one store', async () => {
  await using world = await testWorld()
  const api = await world.api()
  await api.create()
  world.events.freeze()
  const unknown = await api.create({ key: 'k' })
  world.events.thaw()

  const answer = await api.create({ key: 'k' })

  expect(unknown).toMatchObject({
    status: 503,
    json: { code: 'EVENT_STORE_UNAVAILABLE', retryable: true },
  })
  expect(unknown.headers.get('retry-after')).toBe('2')
  expect(answer.status).toBe(202)
  expect(await world.requestedStores()).toHaveLength(2)
  expect(await world.slotEvents()).toHaveLength(2)
})

test('two processes that race with the same keys give one answer for each, byte for byte', async () => {
  await using world = await testWorld()
  const apis = await Promise.all([world.api(), world.api()])
  const keys = Array.from({ length: 60 }, (_, i) => `k${i}`)

  const answers = await Promise.all(
    keys.map((key) => Promise.all([...apis, ...apis].map((api) => api.create({ key })))),
  )

  for (const ofKey of answers) expect(new Set(ofKey.map(({ text }) => text)).size).toBe(1)
  expect(await world.requestedStores()).toHaveLength(keys.length)
  expect(await world.slotEvents()).toHaveLength(keys.length)
})

test('two processes that race with one key and two bodies store one and refuse the other', async () => {
  await using world = await testWorld()
  const [one, two] = await Promise.all([world.api(), world.api()])

  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      Promise.all([
        one.create({ key: `k${i}` }),
        two.create({ key: `k${i}`, body: { ...storeBody, engine: 'medusa' } }),
      ]),
    ),
  )

  for (const pair of answers)
    expect(pair.map(({ status }) => status).toSorted()).toEqual([202, 422])
  expect(await world.requestedStores()).toHaveLength(20)
})

test('two processes that race for the last slots give away exactly those', async () => {
  await using world = await testWorld({ STORES_PER_TENANT_MAX: '25' })
  const apis = await Promise.all([world.api(), world.api()])

  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, i) => apis[i % 2]?.create()).filter(
      (sent) => sent !== undefined,
    ),
  )

  expect(answers.filter(({ status }) => status === 202)).toHaveLength(25)
  expect(answers.filter(({ status }) => status === 403)).toHaveLength(35)
  expect(await world.slotEvents()).toHaveLength(25)
})

test('SIGTERM ends the process with code 0 after the requests under way are answered', async () => {
  await using world = await testWorld()
  const api = await world.api()
  const sent = Array.from({ length: 10 }, () => api.create())
  await Promise.race(sent)

  const code = await api.end('SIGTERM')

  expect(code).toBe(0)
  const answers = await Promise.allSettled(sent)
  const accepted = answers.filter(({ status }) => status === 'fulfilled')
  expect((await world.requestedStores()).length).toBeGreaterThanOrEqual(accepted.length)
})

async function testWorld(env: Record<string, string> = {}) {
  const events = await testEventStore()
  const store = openEventStore({ connectionString: events.url })
  const started: Awaited<ReturnType<typeof apiProcess>>[] = []
  return {
    events,
    ...logReader(store),
    api: async () => {
      const api = await apiProcess({ EVENTSTORE_URL: events.url, ...env })
      started.push(api)
      return api
    },
    async [Symbol.asyncDispose]() {
      for (const api of started) await api[Symbol.asyncDispose]()
      void store.close()
      await events[Symbol.asyncDispose]()
    },
  }
}
