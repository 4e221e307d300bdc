import { afterAll, expect, test } from 'vitest'
import { storeBody, storeIn } from '#test/http/client'
import { commandApis } from '#test/http/command-apis'

const world = await commandApis()
const env = { STORES_PER_TENANT_MAX: '70' }
const apis = await Promise.all([world.api(env), world.api(env)])
afterAll(() => world[Symbol.asyncDispose]())

test('two processes that race with the same keys give one answer for each, byte for byte', async () => {
  const { user, ...log } = world.tenant()
  const keys = Array.from({ length: 60 }, (_, i) => `k${i}`)

  const answers = await Promise.all(
    keys.map((key) => Promise.all([...apis, ...apis].map((api) => api.create({ key, user })))),
  )

  for (const ofKey of answers)
    expect(ofKey.map(({ text }) => text)).toEqual(ofKey.map(() => ofKey[0]?.text))
  const firstOnes = answers.map((ofKey) => ofKey.filter(isFirst).length)
  expect(firstOnes).toEqual(keys.map(() => 1))
  expect(await log.requestedStores()).toHaveLength(keys.length)
  expect(await log.slotEvents()).toHaveLength(keys.length)
})

test('of two processes that race with one command, one answer is the first', async () => {
  const { user } = world.tenant()
  const [api] = apis
  const stores = await Promise.all(Array.from({ length: 20 }, () => api.create({ user })))

  const answers = await Promise.all(
    stores.map((store) => {
      const path = `/api/stores/${storeIn(store).id}/cancel`
      return Promise.all(
        [...apis, ...apis].map((one) => one.send('POST', path, { user, key: 'k' })),
      )
    }),
  )

  expect(answers.flat().every(({ status }) => status === 202)).toBe(true)
  expect(answers.map((ofStore) => ofStore.filter(isFirst).length)).toEqual(stores.map(() => 1))
})

const isFirst = ({ headers }: { headers: Headers }) => !headers.has('idempotency-replayed')

test('two processes that race with one key and two bodies store one and refuse the other', async () => {
  const { user, ...log } = world.tenant()
  const bodies = [storeBody, { ...storeBody, engine: 'medusa' }]

  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      Promise.all(apis.map((api, n) => api.create({ key: `k${i}`, user, body: bodies[n] }))),
    ),
  )

  for (const pair of answers)
    expect(new Set(pair.map(({ status }) => status))).toEqual(new Set([202, 422]))
  expect(await log.requestedStores()).toHaveLength(20)
})

test('two processes that race for the last slots give away exactly those', async () => {
  const { user, ...log } = world.tenant()

  const answers = await Promise.all(
    Array.from({ length: 60 }, () => apis.map((api) => api.create({ user }))).flat(),
  )

  expect(answers.filter(({ status }) => status === 202)).toHaveLength(70)
  expect(answers.filter(({ status }) => status === 403)).toHaveLength(50)
  expect(await log.slotEvents()).toHaveLength(70)
})
