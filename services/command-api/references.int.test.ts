import { randomUUID } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { requestStoreBody } from '#contracts'
import { storeIdOf } from '#eventstore'
import { type Answer, storeBody, storeIn } from '#test/http/client'
import { commandApi } from '#test/http/command-api'
import { commandApis } from '#test/http/command-apis'
import { deletion, historian } from '#test/http/historian'
import { createStore } from './create-store.ts'
import { references } from './references.ts'
import { storeQuota } from './store-quota.ts'

const world = await commandApis()
const apis = await Promise.all([world.api(), world.api()])
afterAll(() => world[Symbol.asyncDispose]())

const bodyWith = (reference: string) => ({ ...storeBody, reference })
const refusalIn = ({ status, json }: Answer) => ({
  status,
  code: json['code'],
  storeId: json['storeId'],
})
const taken = (storeId: string) => ({ status: 409, code: 'REFERENCE_TAKEN', storeId })

test('of creates of one reference over two processes exactly one wins, and the others are told its id', async () => {
  const { user, ...log } = world.tenant()
  const orders = Array.from({ length: 20 }, (_, i) => `order ${i}`)

  const answers = await Promise.all(
    orders.map((order) =>
      Promise.all([...apis, ...apis].map((api) => api.create({ user, body: bodyWith(order) }))),
    ),
  )
  const late = await Promise.all(
    orders.map((order) => apis[0].create({ user, body: bodyWith(order) })),
  )

  const stored = await log.requestedStores()
  expect(stored).toHaveLength(orders.length)
  for (const [index, order] of orders.entries()) {
    const { storeId = '' } = stored.find(({ reference }) => reference === order) ?? {}
    const ofOrder = answers[index] ?? []
    const won = ofOrder.filter(({ status }) => status === 202)
    expect(won.map((answer) => storeIn(answer))).toMatchObject([{ id: storeId, reference: order }])
    const refused = ofOrder.filter(({ status }) => status !== 202).map(refusalIn)
    expect(refused).toEqual([1, 2, 3].map(() => taken(storeId)))
    expect(late.map(refusalIn)[index]).toEqual(taken(storeId))
  }
  // Those that were refused hold no slot.
  expect(await log.slotEvents()).toHaveLength(orders.length)
})

test('killed -9 with creates under way, a repetition of each goes on, and no reference is at two stores', async () => {
  const { user, ...log } = world.tenant()
  const orders = Array.from({ length: 30 }, (_, i) => `killed-${i}`)
  const send = (api: (typeof apis)[0], order: string) =>
    api.create({ user, key: order, body: bodyWith(order) })
  for (let round = 1; round <= 3; round++) {
    const dying = await world.api()
    const lost = orders.map((order) => send(dying, order).catch(() => 'no answer'))
    await Promise.race(lost)
    await dying.end('SIGKILL')
    await Promise.all(lost)
  }

  const answers = await Promise.all(
    orders.map((order, index) => send(apis[index % 2 === 0 ? 0 : 1], order)),
  )

  expect(answers.map((answer) => storeIn(answer).reference)).toEqual(orders)
  expect(await log.requestedStores()).toHaveLength(orders.length)
  const others = await Promise.all(
    orders.map((order) => apis[0].create({ user, body: bodyWith(order) })),
  )
  expect(others.map(refusalIn)).toEqual(answers.map((answer) => taken(storeIn(answer).id)))
})

test('a reference belongs to one tenant: another may use it too', async () => {
  const [api] = apis
  for (const user of [world.tenant().user, world.tenant().user])
    expect((await api.create({ user, body: bodyWith('7') })).status).toBe(202)
})

test('a repetition of a create with a reference gets the first answer, and reserves nothing', async () => {
  const { user } = world.tenant()
  const first = await apis[0].create({ user, key: 'k', body: bodyWith('7') })

  const again = await apis[1].create({ user, key: 'k', body: bodyWith('7') })

  expect(again).toMatchObject({ status: 202, text: first.text })
  expect(again.headers.get('idempotency-replayed')).toBe('true')
  const other = await apis[1].create({ user, key: 'k', body: bodyWith('8') })
  expect(other).toMatchObject({ status: 422, json: { code: 'IDEMPOTENCY_KEY_REUSED' } })
  expect((await apis[0].create({ user, body: bodyWith('8') })).status).toBe(202)
})

test('a request that the quota refuses gives its reference back', async () => {
  await using api = await commandApi(world.events.url, { STORES_PER_TENANT_MAX: '1' })
  await api.create()
  const refused = await api.create({ body: bodyWith('7') })
  expect(refused.json).toMatchObject({ code: 'QUOTA_EXCEEDED' })

  // Of another process, which allows more stores.
  const again = await apis[0].create({ user: api.tenant, body: bodyWith('7') })

  expect(again.status).toBe(202)
})

test('a deleted store gives its reference free, and not before it is deleted', async () => {
  const { user } = world.tenant()
  const { append } = historian(world.store, user)
  const { id } = storeIn(await apis[0].create({ user, body: bodyWith('7') }))
  const [requested, deleted] = deletion()
  if (requested === undefined || deleted === undefined) throw new Error('no events')
  await append(id, [requested], 0n)
  expect(refusalIn(await apis[0].create({ user, body: bodyWith('7') }))).toEqual(taken(id))

  await append(id, [deleted], 1n)

  const answers = await Promise.all(apis.map((api) => api.create({ user, body: bodyWith('7') })))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202, 409]))
})

test('a reservation without a store is that of its own repetition at once, and of others after ten minutes', async () => {
  const { user } = world.tenant()
  const { create, reserve } = inProcess(user)
  // As a process leaves it that dies between reservation and create.
  await reserve({ reference: '7', storeId: storeIdOf(user, 'mine') })
  await reserve({ reference: '8', storeId: randomUUID() })

  const other = await apis[0].create({ user, body: bodyWith('7') })
  const mine = await apis[1].create({ user, key: 'mine', body: bodyWith('7') })
  const early = create('8', 9)
  await expect(early).rejects.toMatchObject({ code: 'REFERENCE_TAKEN', retryable: true })
  const late = await create('8', 11)

  expect(other).toMatchObject({ status: 409, json: { code: 'REFERENCE_TAKEN', retryable: true } })
  expect(storeIn(mine)).toMatchObject({ id: storeIdOf(user, 'mine'), reference: '7' })
  expect(late.requested.reference).toBe('8')
})

test.for([
  ['/labels/a b', { labels: { 'a b': 'x' } }],
  ['/labels/team', { labels: { team: '-x' } }],
  ['/labels/team', { labels: { team: 'x'.repeat(64) } }],
  ['/labels/team', { labels: { team: 7 } }],
  ['/labels/A.com~1team', { labels: { 'A.com/team': 'x' } }],
  ['/labels', { labels: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, ''])) }],
  ['/reference', { reference: '' }],
  ['/reference', { reference: 'a\u0000b' }],
  ['/reference', { reference: 'x'.repeat(101) }],
] as const)('a fault at %s is named by its place: %j', async ([pointer, more]) => {
  const answer = await apis[0].create({ body: { ...storeBody, ...more } })

  expect(answer).toMatchObject({
    status: 400,
    json: { code: 'REQUEST_INVALID', errors: [{ in: 'body', pointer }] },
  })
})

test('labels are stored and shown as they were given', async () => {
  const labels = { team: 'shop', 'example.com/tier': 'gold', empty: '', 'k-8_s.x': 'A-1' }

  const answer = await apis[0].create({ body: { ...storeBody, labels } })

  expect(storeIn(answer).labels).toEqual(labels)
})

/** What a process of ours does, with a clock that is set. */
function inProcess(tenantId: string) {
  const { store } = world
  const context = { tenantId, actor: 'user:test', correlationId: 'c' }
  return {
    reserve: (of: { reference: string; storeId: string }) =>
      references({ store, now: () => new Date() }).reserve(
        { ...of, revision: 'no_stream', requestId: randomUUID() },
        context,
      ),
    create: (reference: string, minutesLater: number) => {
      const now = () => new Date(Date.now() + minutesLater * 60_000)
      const quota = storeQuota({ store, storesMax: 10, now })
      const create = createStore({ store, quota, references: references({ store, now }) })
      const body = requestStoreBody.parse(bodyWith(reference))
      return create({ body, key: undefined, context, count: async () => {} })
    },
  }
}
