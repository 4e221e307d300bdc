import { expect, test } from 'vitest'
import { eventually } from '#test/eventually'
import { storeIn } from '#test/http/client'
import { commandApis } from '#test/http/command-apis'

test('F1: killed before anything is stored, nothing exists, and a retry makes exactly one store', async () => {
  await using world = await commandApis()
  await world.events.kill()
  const died = await world.api()
  const lost = died.create({ key: 'k' }).catch(() => 'no answer')
  await eventually(() => expect(died.lines.join('\n')).toContain('waiting for a dependency'))
  await died.end('SIGKILL')
  expect(await lost).toBe('no answer')
  await world.events.restart()
  expect(await world.requestedStores()).toEqual([])

  const answer = await (await world.api()).create({ key: 'k' })

  expect(answer.status).toBe(202)
  expect(await world.requestedStores()).toMatchObject([{ storeId: storeIn(answer).id }])
})

test('F2: killed with requests under way, each retry gets the store that was stored, or makes the one', async () => {
  await using world = await commandApis()
  const keys = Array.from({ length: 40 }, (_, i) => `k${i}`)
  for (let round = 1; round <= 3; round++) {
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
  await using world = await commandApis()
  const api = await world.api({ EVENTSTORE_TIMEOUT_MS: '1500' })
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

test('SIGTERM ends the process with code 0 after the requests under way are answered', async () => {
  await using world = await commandApis()
  const api = await world.api()
  const sent = Array.from({ length: 10 }, () => api.create())
  await Promise.race(sent)

  const code = await api.end('SIGTERM')

  expect(code).toBe(0)
  const answers = await Promise.allSettled(sent)
  const accepted = answers.filter(({ status }) => status === 'fulfilled')
  expect((await world.requestedStores()).length).toBeGreaterThanOrEqual(accepted.length)
})
