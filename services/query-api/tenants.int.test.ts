import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { tenantStream } from '#domain'
import { openPool } from '#postgres'
import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { freshTenant, storeIn } from '#test/http/client'
import { commandApi } from '#test/http/command-api'
import { queryApi } from '#test/http/query-api'

const page = z.object({
  tenants: z.array(z.looseObject({ id: z.string() })),
  pagination: z.object({ nextCursor: z.string().nullable(), hasMore: z.boolean() }),
})

let query: Awaited<ReturnType<typeof queryApi>>
let command: Awaited<ReturnType<typeof commandApi>>
beforeAll(async () => {
  query = await queryApi({ STORES_PER_TENANT_MAX: '7', RATE_LIMIT_PER_MINUTE: '9000' })
  command = await commandApi(query.events.url)
})
afterAll(async () => {
  await command[Symbol.asyncDispose]()
  await query[Symbol.asyncDispose]()
})

/** Sets something as the query API's own caller, who then reads it behind the position. */
async function set(tenant: string, body: object) {
  const user = query.tenant
  const answer = await command.send('PUT', `/api/v1/tenants/${tenant}`, { user, body })
  expect(answer.status).toBe(200)
  return { 'x-position': answer.headers.get('x-position') ?? '' }
}

const create = async (user: string, plan = 'small') =>
  storeIn(await command.create({ user, body: { name: 'A store', engine: 'woocommerce', plan } }))

test('a tenant sees its own limits and use, and an operator the same of any tenant', async () => {
  const tenant = freshTenant()
  await create(tenant)
  await create(tenant, 'large')
  const cancelled = await create(tenant)
  await command.send('DELETE', `/api/v1/stores/${cancelled.id}`, { user: tenant })

  const limits = { stores: 10, plans: { large: 2 }, requestsPerMinute: 600 }
  const headers = await set(tenant, { limits, suspended: true })
  const shown = await query.send('GET', `/api/v1/tenants/${tenant}`, { headers })
  const own = await query.send('GET', '/api/v1/tenant', { user: tenant })

  expect(shown).toMatchObject({
    status: 200,
    json: {
      tenant: {
        id: tenant,
        suspended: true,
        limits: { ...limits, plans: { small: null, medium: null, large: 2 }, concurrency: null },
        version: 2,
        defaults: { stores: 7, requestsPerMinute: 9_000 },
        use: {
          stores: 3,
          byStatus: { requested: 2, deleting: 1, ready: 0, deleted: 0 },
          byPlan: { small: 2, medium: 0, large: 1 },
        },
      },
    },
  })
  expect(shown.headers.get('etag')).toBe('"2"')
  expect(own.json).toEqual(shown.json)
})

test('a tenant of whom nothing is known has the defaults', async () => {
  const answer = await query.send('GET', '/api/v1/tenants/nobody-yet')

  expect(answer.headers.get('etag')).toBe('"0"')
  expect(answer.json).toMatchObject({
    tenant: { suspended: false, version: 0, changedAt: null, use: { stores: 0 } },
  })
})

test('a suspended tenant reads as before', async () => {
  const tenant = freshTenant()
  const store = await create(tenant)
  await set(tenant, { limits: {}, suspended: true })

  await eventually(async () => {
    const paths = ['', `/${store.id}`, `/${store.id}/events`]
    const answers = await Promise.all(
      paths.map((path) => query.send('GET', `/api/v1/stores${path}`, { user: tenant })),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
  })
})

test('the list has every tenant once, with a store or with limits, page by page in order', async () => {
  const withStores = Array.from({ length: 4 }, () => `page-${freshTenant()}`)
  const withLimits = Array.from({ length: 3 }, () => `page-${freshTenant()}`)
  for (const tenant of withStores) await create(tenant)
  let headers = {}
  for (const tenant of [...withLimits, ...withStores.slice(0, 1)])
    headers = await set(tenant, { limits: { stores: 5 }, suspended: false })

  const found: string[] = []
  const sizes: number[] = []
  let path: string | undefined = '/api/v1/tenants?limit=3'
  while (path !== undefined) {
    const answer = await query.send('GET', path, { headers })
    const { tenants, pagination } = page.parse(answer.json)
    found.push(...tenants.map(({ id }) => id))
    sizes.push(tenants.length)
    const link: string | undefined = /<(.+)>; rel="next"/.exec(
      answer.headers.get('link') ?? '',
    )?.[1]
    expect(link === undefined).toBe(!pagination.hasMore)
    path = link
  }

  const expected = [...withStores, ...withLimits].toSorted()
  expect(found.filter((id) => id.startsWith('page-'))).toEqual(expected)
  expect(new Set(found).size).toBe(found.length)
  expect(sizes.slice(0, -1).every((size) => size === 3)).toBe(true)
})

test.each(['cursor=x', 'cursor=WyIiXQ', 'limit=0', 'sort=name', 'tenant=%20'])(
  'a list with %s is refused',
  async (parameter) => {
    const answer = await query.send('GET', `/api/v1/tenants?${parameter}`)
    expect(answer).toMatchObject({ status: 400, json: { code: 'REQUEST_INVALID' } })
  },
)

test('an event of a tenant that cannot be read is parked with those behind it, and a rebuild equals what was projected', async () => {
  const tenant = freshTenant()
  await set(tenant, { limits: { stores: 5 }, suspended: false })
  const bad = randomUUID()
  const who = { correlationId: bad, actor: 'user:test', tenantId: tenant, commandId: bad }
  const metadata = { ...who, schemaVersion: 1 }
  const append = (id: string, type: string, data: object, revision: bigint) =>
    query.store.append(tenantStream(tenant), [{ id, type, data, metadata }], revision)
  await append(bad, 'TenantLimitsSet', { limits: 'all', setAt: 'now' }, 0n)
  const { position } = await append(
    randomUUID(),
    'TenantSuspended',
    { suspendedAt: '2026-01-01T00:00:00.000Z' },
    1n,
  )
  const headers = { 'x-position': query.tokenOf(position ?? 0n) }

  const shown = await query.send('GET', `/api/v1/tenants/${tenant}`, { headers })
  const rebuilt = await query.rebuild()

  expect(shown.json).toMatchObject({ tenant: { suspended: false, version: 1 } })
  expect(rebuilt).toMatchObject({ basis: 'same position', total: 0, switched: true })
  const pool = openPool({
    url: query.database.url,
    logger: createLogger({ service: 'test', level: 'silent' }),
  })
  const parked = await pool.query(
    'select type, reason from parked_events where stream = $1 order by position',
    [tenantStream(tenant)],
  )
  await pool.end()
  expect(parked.rows).toMatchObject([
    { type: 'TenantLimitsSet', reason: expect.stringContaining('cannot be read') },
    { type: 'TenantSuspended', reason: 'follows a parked event' },
  ])
  const again = await query.send('GET', `/api/v1/tenants/${tenant}`)
  expect(again.json).toEqual(shown.json)
})
