import { randomUUID } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { storeBody, storeIn } from '#test/http/client'
import { commandApis } from '#test/http/command-apis'
import { deletion, historian } from '#test/http/historian'

const world = await commandApis()
const apis = await Promise.all([world.api(), world.api()])
const [api] = apis
afterAll(() => world[Symbol.asyncDispose]())

const pathOf = (id: string) => `/api/v1/stores/${id}`
const create = async (more: object = {}) => {
  const { user, ...log } = world.tenant()
  const { id } = storeIn(await api.create({ user, body: { ...storeBody, ...more } }))
  const patch = (body: unknown, sent: { key?: string; headers?: Record<string, string> } = {}) =>
    api.send('PATCH', pathOf(id), { user, body, ...sent })
  return { user, id, patch, ...log }
}

test('what a patch names is changed, what it does not name stays, and null takes away', async () => {
  const labels = { team: 'shop', tier: 'gold' }
  const { id, patch, eventsOf } = await create({ labels, reference: '7' })

  const first = await patch({ name: 'New name', labels: { tier: null, 'a.b/c': '' } })
  const second = await patch({ reference: '8' })
  const third = await patch({ labels: null, reference: null })

  expect(first.status).toBe(200)
  const merged = { name: 'New name', labels: { team: 'shop', 'a.b/c': '' } }
  expect(storeIn(first)).toMatchObject({
    ...merged,
    reference: '7',
    status: 'requested',
    revision: 1,
  })
  expect(storeIn(second)).toMatchObject({ ...merged, reference: '8' })
  expect(storeIn(third)).toMatchObject({ name: 'New name', labels: {}, reference: null })
  expect([first, second, third].map(({ headers }) => headers.get('etag'))).toEqual([
    '"1"',
    '"2"',
    '"3"',
  ])
  const [, ...changes] = await eventsOf(id)
  expect(changes.map(({ data }) => data)).toMatchObject([
    { generation: 2, changes: { name: 'New name', labels: { tier: null, 'a.b/c': '' } } },
    { generation: 3, changes: { reference: '8' } },
    { generation: 4, changes: { labels: null, reference: null } },
  ])
})

test('a patch that changes nothing stores nothing, and says that it has happened', async () => {
  const { id, patch, eventsOf } = await create({ labels: { team: 'shop' }, reference: '7' })

  for (const body of [
    {},
    { name: storeBody.name, labels: { team: 'shop', x: null }, reference: '7' },
  ])
    expect((await patch(body)).headers.get('idempotency-replayed')).toBe('true')

  expect(await eventsOf(id)).toHaveLength(1)
})

test('a patch with a key happens once, also when the store was changed back since', async () => {
  const { patch } = await create()
  await patch({ name: 'A', reference: '7' }, { key: 'k' })
  await patch({ name: 'B', reference: null })

  const again = await patch({ name: 'A', reference: '7' }, { key: 'k' })
  const other = await patch({ name: 'C' }, { key: 'k' })

  expect(again.headers.get('idempotency-replayed')).toBe('true')
  expect(storeIn(again)).toMatchObject({ name: 'B', reference: null, revision: 2 })
  expect(other).toMatchObject({ status: 422, json: { code: 'IDEMPOTENCY_KEY_REUSED' } })
})

test('a patch is refused when the store is not as If-Match says', async () => {
  const { patch } = await create()
  await patch({ name: 'A' })

  const stale = await patch({ reference: '7' }, { headers: { 'if-match': '"0"' } })
  const fresh = await patch({ reference: '7' }, { headers: { 'if-match': '"1"' } })

  expect(stale).toMatchObject({ status: 412, json: { code: 'PRECONDITION_FAILED' } })
  expect(storeIn(fresh).reference).toBe('7')
})

test('a reference that a patch gives up is free at once, and one that is taken is refused with its store', async () => {
  const one = await create({ reference: '7' })
  const body = { ...storeBody, reference: '7' }
  const taken = await api.create({ user: one.user, body })
  await one.patch({ reference: null })
  const { id } = storeIn(await api.create({ user: one.user, body }))

  const refused = await one.patch({ reference: '7' })

  expect(taken).toMatchObject({ status: 409, json: { storeId: one.id } })
  expect(refused).toMatchObject({ status: 409, json: { code: 'REFERENCE_TAKEN', storeId: id } })
})

test('of patches that race for references over two processes, no reference is ever at two stores', async () => {
  const { user } = world.tenant()
  const stores = await Promise.all(Array.from({ length: 6 }, () => api.create({ user })))
  const ids = stores.map((answer) => storeIn(answer).id)
  const references = ['a', 'b', 'c', null]
  const wish = () => references[Math.floor(Math.random() * references.length)]
  const rounds = Array.from({ length: 12 }, () => ids.map((id) => ({ id, reference: wish() })))

  const answers = []
  for (const round of rounds)
    answers.push(
      ...(await Promise.all(
        round.flatMap(({ id, reference }) =>
          apis.map((one) => one.send('PATCH', pathOf(id), { user, body: { reference } })),
        ),
      )),
    )

  expect(answers.filter(({ status }) => status !== 200 && status !== 409)).toEqual([])
  const held = await Promise.all(ids.map((id) => api.send('PATCH', pathOf(id), { user, body: {} })))
  const kept = held.flatMap((answer) => storeIn(answer).reference ?? [])
  expect(new Set(kept).size).toBe(kept.length)
  // Whatever was refused or given up is free.
  for (const id of ids) await api.send('PATCH', pathOf(id), { user, body: { reference: null } })
  for (const reference of ['a', 'b', 'c'])
    expect((await api.create({ user, body: { ...storeBody, reference } })).status).toBe(202)
})

test('a process that is killed -9 while it gives a reference holds up neither that store nor, afterwards, others', async () => {
  const { user, id } = await create()
  for (let round = 1; round <= 3; round++) {
    const dying = await world.api()
    const lost = dying
      .send('PATCH', pathOf(id), { user, key: `k${round}`, body: { reference: `r${round}` } })
      .catch(() => 'no answer')
    await Promise.race([lost, new Promise((resolve) => setImmediate(resolve))])
    await dying.end('SIGKILL')
    await lost
  }

  for (const round of [1, 2, 3]) {
    const key = `k${round}`
    const body = { reference: `r${round}` }
    expect((await api.send('PATCH', pathOf(id), { user, key, body })).status).toBe(200)
  }

  // The store has gone on to its last reference, so the earlier ones are free.
  const now = storeIn(await api.send('PATCH', pathOf(id), { user, body: {} })).reference
  for (const reference of ['r1', 'r2', 'r3'].filter((each) => each !== now))
    expect((await api.create({ user, body: { ...storeBody, reference } })).status).toBe(202)
})

test('a patch changes a store in every state but on its way out, and of nobody else', async () => {
  const { user, id, patch } = await create()
  const { append } = historian(world.store, user)
  const [requested, deleted] = deletion()
  if (requested === undefined || deleted === undefined) throw new Error('no events')
  const foreign = await api.send('PATCH', pathOf(id), { user: world.tenant().user, body: {} })
  await append(id, [requested], 0n)
  const leaving = await patch({ name: 'A' })
  await append(id, [deleted], 1n)
  const gone = await patch({ reference: '7' })

  expect([foreign, leaving, gone].map(({ status, json }) => [status, json['code']])).toEqual([
    [404, 'STORE_NOT_FOUND'],
    [409, 'STORE_IN_WRONG_STATE'],
    [410, 'STORE_DELETED'],
  ])
  expect((await api.create({ user, body: { ...storeBody, reference: '7' } })).status).toBe(202)
})

test.for([
  [{ name: null }, '/name'],
  [{ plan: 'large' }, '/plan'],
  [{ labels: { 'a b': 'x' } }, '/labels/a b'],
  [{ labels: { team: 'x y' } }, '/labels/team'],
  [{ reference: '' }, '/reference'],
] as const)('a patch of %j is refused at its place', async ([body, pointer]) => {
  const answer = await api.send('PATCH', pathOf(randomUUID()), { body })

  expect(answer).toMatchObject({ status: 400, json: { errors: [{ in: 'body', pointer }] } })
})

test('labels beyond 32 are refused, whichever patch brings the last of them', async () => {
  const labels = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`k${i}`, 'x']))
  const { patch } = await create({ labels })

  expect((await patch({ labels: { more: 'x' } })).json).toMatchObject({ code: 'REQUEST_INVALID' })
  expect((await patch({ labels: { more: 'x', k0: null } })).status).toBe(200)
})

test('a merge patch comes as one where something is patched, and nowhere else', async () => {
  const { user, patch } = await create()
  const headers = { 'content-type': 'application/merge-patch+json; charset=utf-8' }

  const patched = await patch({ name: 'A' }, { headers })
  const created = await api.create({ user, headers })

  expect(storeIn(patched).name).toBe('A')
  expect(created).toMatchObject({ status: 415, json: { code: 'MEDIA_TYPE_UNSUPPORTED' } })
})
