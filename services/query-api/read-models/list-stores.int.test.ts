import { afterAll, beforeAll, expect, test } from 'vitest'
import { storePage } from '#contracts'
import { deletion } from '#test/http/historian'
import { queryApi } from '#test/http/query-api'

const api = await queryApi()
afterAll(() => api[Symbol.asyncDispose]())

const ids: string[] = []
let deletedId = ''
let position = 0n

// Twelve stores at four times, so that times alone do not order them; the newest is deleted.
beforeAll(async () => {
  for (let i = 0; i < 12; i++) {
    const { storeId } = await api.requestStore({
      name: i % 3 === 0 ? `Shop ${i}` : `100% Toys_${i}`,
      engine: i % 2 === 0 ? 'woocommerce' : 'medusa',
      requestedAt: `2026-01-0${1 + Math.floor(i / 3)}T00:00:00.000Z`,
    })
    ids.push(storeId)
  }
  deletedId = ids.pop() ?? ''
  position = await api.append(deletedId, deletion(), 0n)
})

const list = async (query = '') => {
  const headers = { 'x-position': api.tokenOf(position) }
  const answer = await api.send('GET', `/api/stores${query}`, { headers })
  expect(answer.status).toBe(200)
  return { ...storePage.strict().parse(answer.json), link: answer.headers.get('link') }
}

test('a page has at most as many stores as asked for, and says how many there are in all', async () => {
  const { stores, pagination } = await list('?limit=10&offset=0')

  expect(stores).toHaveLength(10)
  expect(pagination).toMatchObject({ total: 11, limit: 10, offset: 0, hasMore: true })
  expect(await list('?limit=10&offset=10')).toMatchObject({
    stores: [{}],
    pagination: { total: 11, limit: 10, offset: 10, hasMore: false, nextCursor: null },
    link: null,
  })
})

test('beyond the end, a page is empty and the total is still right', async () => {
  expect(await list('?offset=500')).toMatchObject({ stores: [], pagination: { total: 11 } })
})

test.for(['-createdAt', 'createdAt'])(
  'following the links in order %s shows every store once',
  async (sort) => {
    const seen: { id: string; createdAt: string }[] = []
    for (let path: string | undefined = `?limit=2&sort=${sort}`; path !== undefined;) {
      const { stores, pagination, link } = await list(path)
      seen.push(...stores)
      expect(pagination.total).toBe(11)
      path = /^<\/api\/stores(\?.+)>; rel="next"$/.exec(link ?? '')?.[1]
    }

    expect(seen.map(({ id }) => id).toSorted()).toEqual(ids.toSorted())
    const keys = seen.map(({ createdAt, id }) => createdAt + id)
    const ordered = sort === 'createdAt' ? keys.toSorted() : keys.toSorted().toReversed()
    expect(keys).toEqual(ordered)
  },
)

test('a deleted store is listed only where deleted ones are asked for', async () => {
  const { stores, pagination } = await list('?status=deleted')

  expect(stores).toMatchObject([{ id: deletedId, status: 'deleted' }])
  expect(pagination.total).toBe(1)
})

test('filters count what they show', async () => {
  expect((await list('?engine=medusa')).pagination.total).toBe(5)
  expect((await list('?engine=medusa&status=requested&limit=1')).pagination.total).toBe(5)
  expect((await list('?q=shop')).pagination.total).toBe(4)
  expect((await list('?q=shop&engine=woocommerce')).pagination.total).toBe(2)
})

test('a search takes its text as it is', async () => {
  expect((await list('?q=0%25')).pagination.total).toBe(7)
  expect((await list('?q=_')).pagination.total).toBe(7)
  expect((await list(`?q=${encodeURIComponent(`' or 1=1 --`)}`)).pagination.total).toBe(0)
})

test("another tenant's stores are not listed", async () => {
  const { json } = await api.send('GET', '/api/stores', { user: 'mallory' })

  expect(json).toMatchObject({ stores: [], pagination: { total: 0 } })
})

test.for([
  'limit=0',
  'limit=101',
  'limit=-1',
  'limit=abc',
  'limit=1.5',
  'limit=',
  'limit=1&limit=2',
  'offset=-1',
  'offset=10001',
  'status=broken',
  'engine=magento',
  'sort=status',
  'label.a%20b=x',
  'label.team=x%20y',
  'label.team=x&label.team=y',
  'label=team',
  'reference=',
  'plan=huge',
  'createdAfter=yesterday',
  'updatedAfter=2026-01-01',
  'page=2',
  'cursor=abc',
  'q=',
  'q=%00',
  'q=%20',
])('%s is refused', async (query) => {
  const answer = await api.send('GET', `/api/stores?${query}`)

  expect(answer).toMatchObject({ status: 400, json: { code: 'REQUEST_INVALID' } })
})

test('a cursor is taken by the list it belongs to only', async () => {
  const { pagination } = await list('?limit=2&engine=medusa')

  const answer = await api.send('GET', `/api/stores?limit=2&cursor=${pagination.nextCursor}`)

  expect(answer).toMatchObject({
    status: 400,
    json: { detail: 'cursor belongs to a list with other filters or order' },
  })
})

test("another tenant's cursor, an altered one and one of the year 0 are refused", async () => {
  const { pagination } = await list('?limit=2')
  const { nextCursor } = pagination
  const [, id, digest] = JSON.parse(Buffer.from(nextCursor ?? '', 'base64url').toString())
  const ofYear0 = JSON.stringify(['0000-01-01T00:00:00.000Z', id, digest])
  const cursors = [`${nextCursor}!`, Buffer.from(ofYear0).toString('base64url')]

  const answers = await Promise.all([
    api.send('GET', `/api/stores?limit=2&cursor=${nextCursor}`, { user: 'mallory' }),
    ...cursors.map((cursor) => api.send('GET', `/api/stores?limit=2&cursor=${cursor}`)),
  ])

  for (const answer of answers)
    expect(answer).toMatchObject({ status: 400, json: { code: 'REQUEST_INVALID' } })
})

test('a search finds a name in either Unicode form, with blanks around it', async () => {
  const { position: reached } = await api.requestStore({ name: 'Caf\u00e9' })
  const q = encodeURIComponent(' cafe\u0301 ')

  const { json } = await api.send('GET', `/api/stores?q=${q}`, {
    headers: { 'x-position': api.tokenOf(reached) },
  })

  expect(json).toMatchObject({ stores: [{ name: 'Caf\u00e9' }] })
})
