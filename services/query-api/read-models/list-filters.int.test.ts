import { afterAll, beforeAll, expect, test } from 'vitest'
import { storePage } from '#contracts'
import { deletion } from '#test/http/historian'
import { queryApi } from '#test/http/query-api'

const api = await queryApi()
afterAll(() => api[Symbol.asyncDispose]())

interface Seen {
  id: string
  name: string
  createdAt: string
  updatedAt: string
}

const names = ['beta', 'Alpha', 'alpha', 'Gamma', 'beta', 'Ärger', 'delta', 'beta 2', 'Zeta', 'eta']
const ids: string[] = []
let position = 0n

beforeAll(async () => {
  for (const [i, name] of names.entries()) {
    const { storeId } = await api.requestStore({
      name,
      plan: i % 3 === 0 ? 'large' : 'small',
      reference: `order ${i}`,
      labels: { team: i % 2 === 0 ? 'shop' : 'web', 'example.com/tier': i < 4 ? 'gold' : '' },
      requestedAt: `2026-01-0${1 + Math.floor(i / 3)}T00:00:00.000Z`,
    })
    ids.push(storeId)
  }
  // Changed last, so that the order of the updates is another than that of the creations.
  const changes = { name: 'renamed', reference: 'order 1b', labels: { team: null } }
  const requestedAt = '2026-02-01T00:00:00.000Z'
  const data = { generation: 2, changes, fingerprint: 'f', requestedAt }
  await api.append(ids[1] ?? '', [{ type: 'ChangeRequested', data }], 0n)
  position = await api.append(ids[9] ?? '', deletion(), 0n)
})

const get = async (path: string) => {
  const headers = { 'x-position': api.tokenOf(position) }
  const answer = await api.send('GET', path, { headers })
  expect(answer.status).toBe(200)
  return answer
}
const list = async (query = '') => {
  const answer = await get(`/api/v1/stores${query}`)
  return { ...storePage.strict().parse(answer.json), link: answer.headers.get('link') }
}
const indexesIn = async (query: string) => {
  const { stores, pagination } = await list(query)
  expect(pagination.total).toBe(stores.length)
  return stores.map(({ id }) => ids.indexOf(id)).toSorted((one, other) => one - other)
}

test('every combination of filters is answered, each by a statement of its own', async () => {
  const filters = [
    'status=requested',
    'engine=woocommerce',
    'q=beta',
    'plan=large',
    'reference=order%200',
    'label.team=shop',
    'createdAfter=2026-01-01T00:00:00Z',
    'createdBefore=2026-01-02T00:00:00Z',
    'updatedAfter=2026-01-01T00:00:00Z',
  ]
  const without: string[] = []
  for (let chosen = 0; chosen < 2 ** filters.length; chosen++) {
    const query = filters.filter((_, bit) => chosen & (1 << bit)).join('&')
    const { stores } = await list(`?${query}`)
    if (stores.every(({ id }) => id !== ids[0])) without.push(query)
  }
  expect(without).toEqual([])
})

test.for(['%2B16:27', '%2B23:59', '-16:52'])('a time in the zone %s is a time', async (zone) => {
  expect(await indexesIn(`?createdAfter=2025-01-01T00:00:00${zone}`)).toHaveLength(9)
})

test.for([
  ['?reference=order%203', [3]],
  ['?reference=order%201', []],
  ['?reference=order%201b', [1]],
  ['?label.team=shop', [0, 2, 4, 6, 8]],
  ['?label.team=web', [3, 5, 7]],
  ['?label[team]=shop&label.example.com/tier=gold', [0, 2]],
  ['?label.example.com%2Ftier=&label.team=web', [5, 7]],
  ['?plan=large', [0, 3, 6]],
  ['?plan=large&label.team=shop', [0, 6]],
  ['?createdAfter=2026-01-02T00:00:00Z&createdBefore=2026-01-03T00:00:00Z', [3, 4, 5]],
  ['?createdAfter=2026-01-03T01:00:00%2B01:00', [6, 7, 8]],
  ['?updatedAfter=2999-01-01T00:00:00Z', []],
  ['?status=deleted&plan=large', [9]],
  ['?status=requested&engine=woocommerce&q=beta&label.team=shop', [0, 4]],
] as const)('%s shows the stores %j, and counts them', async ([query, shown]) => {
  expect(await indexesIn(query)).toEqual(shown)
})

test('what was updated since a store was, is that store and those that were updated later', async () => {
  const { stores } = await list('?sort=updatedAt')
  const { updatedAt } = stores.at(-2) ?? { updatedAt: '' }

  const since = await list(`?updatedAfter=${updatedAt}&sort=updatedAt`)

  expect(since.stores).toEqual(stores.filter((store) => store.updatedAt >= updatedAt))
  expect(since.stores.at(-1)?.name).toBe('renamed')
})

test.for(['updatedAt', '-updatedAt', 'name', '-name', 'createdAt', '-createdAt'] as const)(
  'following the links in order %s with a filter shows every store once, in that order',
  async (sort) => {
    const seen: Seen[] = []
    for (let path: string | undefined = `?limit=2&sort=${sort}&label.example.com/tier=`; path;) {
      const { stores, link } = await list(path)
      seen.push(...stores)
      path = /^<\/api\/v1\/stores(\?.+)>; rel="next"$/.exec(link ?? '')?.[1]
    }

    const shown = seen.map(({ id }) => ids.indexOf(id))
    expect(shown.toSorted((one, other) => one - other)).toEqual([4, 5, 6, 7, 8])
    // Where a name with an umlaut belongs depends on the database.
    const keys = seen.map(keyOf(sort)).filter((key) => key !== 'ärger')
    const ordered = keys.toSorted(byText)
    expect(keys).toEqual(sort.startsWith('-') ? ordered.toReversed() : ordered)
  },
)

function keyOf(sort: string): (store: Seen) => string {
  if (sort.endsWith('name')) return ({ name }) => name.toLowerCase()
  return sort.endsWith('createdAt') ? ({ createdAt }) => createdAt : ({ updatedAt }) => updatedAt
}

const byText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

test('a cursor belongs to its order and all its filters', async () => {
  const { pagination } = await list('?limit=1&label.team=shop&plan=large')
  const cursor = `cursor=${pagination.nextCursor}`

  const same = await api.send('GET', `/api/v1/stores?plan=large&label.team=shop&${cursor}`)
  const others = await Promise.all(
    ['', '&label.team=web&plan=large', '&label.team=shop&plan=large&sort=name'].map((rest) =>
      api.send('GET', `/api/v1/stores?${cursor}${rest}`),
    ),
  )

  expect(same.status).toBe(200)
  for (const answer of others)
    expect(answer).toMatchObject({
      status: 400,
      json: { detail: 'cursor belongs to a list with other filters or order' },
    })
})

test('one call tells how many stores there are of each status', async () => {
  const { json } = await get('/api/v1/stores/counts')
  const foreign = await api.send('GET', '/api/v1/stores/counts', { user: 'mallory' })

  expect(json).toMatchObject({ counts: { requested: 9, ready: 0, deleted: 1 }, total: 9 })
  expect(foreign.json).toMatchObject({ counts: { requested: 0, deleted: 0 }, total: 0 })
})
