import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { operations } from '#contracts'
import { readCheckpoint } from '#postgres'
import { eventually } from '#test/eventually'
import { freshTenant, storeBody, storeIn } from '#test/http/client'
import { commandApi } from '#test/http/command-api'
import { deletion, upgraded } from '#test/http/historian'
import { queryApi } from '#test/http/query-api'
import { testDatabase } from '#test/servers/test-database'
import { auditStatement } from './routes.ts'

const operatorKey = 'operator-key-of-these-tests-0123456789'
const env = { AUTH: 'keys', OPERATOR_KEY: operatorKey }
const page = z.object({
  entries: z.array(
    z.looseObject({
      id: z.string(),
      position: z.string(),
      time: z.string(),
      storeId: z.string().nullable(),
      type: z.string(),
      actor: z.object({ kind: z.string(), id: z.string(), name: z.string().optional() }),
      changes: z.record(z.string(), z.object({ from: z.unknown(), to: z.unknown() })),
    }),
  ),
  pagination: z.object({ hasMore: z.boolean(), nextCursor: z.string().nullable() }),
})

let query: Awaited<ReturnType<typeof queryApi>>
let command: Awaited<ReturnType<typeof commandApi>>
beforeAll(async () => {
  query = await queryApi(env)
  command = await commandApi(query.events.url, env)
})
afterAll(async () => {
  await command[Symbol.asyncDispose]()
  await query[Symbol.asyncDispose]()
})

const by = (bearer: string, more: Record<string, string> = {}) => ({
  authorization: `Bearer ${bearer}`,
  ...more,
})

async function keyFor(tenant: string | undefined, role: string): Promise<string> {
  const headers = by(operatorKey, tenant === undefined ? {} : { 'x-tenant': tenant })
  const body = { name: `${role} key`, roles: [role] }
  const { json } = await command.send('POST', '/api/v1/keys', { headers, body })
  const { secret } = z.object({ secret: z.string() }).parse(json)
  await eventually(async () => {
    const known = await Promise.all([
      query.send('GET', '/api/v1/audit?tenant=x', { headers: by(secret) }),
      command.send('DELETE', '/api/v1/keys/0000000000000000', { headers: by(secret) }),
    ])
    expect(known.map(({ status }) => status)).not.toContain(401)
  })
  return secret
}

/** The entries, when the read models hold everything. */
async function entriesOf(parameters: Record<string, string>, bearer = operatorKey) {
  const answer = await readPage(parameters, bearer)
  return answer.entries
}

async function readPage(parameters: Record<string, string>, bearer = operatorKey) {
  await eventually(async () => {
    const head = await query.store.head()
    const held = await readCheckpoint(query.database.pool, 'stores')
    expect(held?.eventId).toBe(head?.id)
  })
  const path = `/api/v1/audit?${new URLSearchParams(parameters).toString()}`
  const answer = await query.send('GET', path, { headers: by(bearer) })
  expect(answer.status).toBe(200)
  return page.parse(answer.json)
}

const typesOf = (entries: { type: string }[]) => entries.map(({ type }) => type)

test('who did what is told with what was before and after, also when the store is gone', async () => {
  const { tenant } = query
  const { storeId } = await query.requestStore({ plan: 'small' })
  await query.append(storeId, upgraded(), 0n)
  await query.append(storeId, deletion(), 8n)

  const entries = await entriesOf({ tenant, store: storeId, sort: 'position' })

  expect(typesOf(entries)).toEqual([
    'StoreRequested',
    'ProvisioningStarted',
    'StoreProvisioned',
    'UpgradeRequested',
    'ProvisioningStarted',
    'StoreFailed',
    'RetryRequested',
    'ProvisioningStarted',
    'StoreProvisioned',
    'DeletionRequested',
    'StoreDeleted',
  ])
  const [requested, , , upgrade, , failed, , , ready] = entries
  expect(requested).toMatchObject({
    storeId,
    actor: { kind: 'user', id: 'test' },
    changes: { status: { from: null, to: 'requested' }, plan: { from: null, to: 'small' } },
  })
  expect(upgrade?.changes['status']).toEqual({ from: 'ready', to: 'upgrading' })
  expect(failed?.changes['failure']).toMatchObject({ from: null, to: { reason: 'TIMEOUT' } })
  expect(ready?.changes).toMatchObject({
    plan: { from: 'small', to: 'large' },
    chartVersion: { from: '0.1.0', to: '0.2.0' },
  })
})

test('an operation over many stores is in it, with what was asked and what came of it', async () => {
  const database = { DATABASE_URL: query.database.url }
  await using worker = await commandApi(query.events.url, { ...env, ...database })
  const tenant = freshTenant()
  const headers = by(operatorKey, { 'x-tenant': tenant })
  const { headers: stored } = await worker.create({ headers })
  const position = { 'x-position': stored.get('x-position') ?? '' }
  const filter = { engine: 'woocommerce' }
  const body = { action: 'label', labels: { tier: 'gold' }, filter }
  await worker.send('POST', '/api/v1/operations', { headers: { ...headers, ...position }, body })

  const entries = await eventually(async () => {
    const all = await entriesOf({ tenant, sort: 'position' })
    expect(typesOf(all)).toContain('OperationEnded')
    return all
  })

  const ofType = (type: string) => entries.find((entry) => entry.type === type)?.changes
  expect(ofType('OperationRequested')).toMatchObject({
    action: { from: null, to: 'label' },
    filter: { from: null, to: filter },
    stores: { from: null, to: 1 },
  })
  expect(ofType('OperationEnded')).toMatchObject({
    counts: { from: null, to: { done: 1, skipped: 0, refused: 0 } },
  })
  expect(ofType('ChangeRequested')).toEqual({ labels: { from: {}, to: { tier: 'gold' } } })
})

test('keys, limits and slots of a tenant are in it; a key’s text and hash are not', async () => {
  const tenant = freshTenant()
  const admin = await keyFor(tenant, 'admin')
  const reader = await keyFor(tenant, 'read')
  const limits = { limits: { stores: 3 }, suspended: false }
  const headers = by(operatorKey, { 'x-reason': 'ticket 42' })
  await command.send('PUT', `/api/v1/tenants/${tenant}`, { headers, body: limits })
  const again = { limits: { stores: 5 }, suspended: true }
  await command.send('PUT', `/api/v1/tenants/${tenant}`, { headers, body: again })

  const entries = await entriesOf({ sort: 'position' }, admin)
  const shownToReader = await entriesOf({}, reader)

  expect(typesOf(entries)).toEqual([
    'ApiKeyCreated',
    'ApiKeyCreated',
    'TenantLimitsSet',
    'TenantLimitsSet',
    'TenantSuspended',
  ])
  expect(entries[0]?.changes).toMatchObject({ roles: { from: null, to: ['admin'] } })
  expect(entries[3]).toMatchObject({
    actor: { kind: 'key', id: 'operator', name: 'OPERATOR_KEY' },
    asOperator: true,
    reason: 'ticket 42',
    changes: { stores: { from: 3, to: 5 } },
  })
  expect(entries[3]).not.toHaveProperty('address')
  expect(JSON.stringify(entries)).not.toMatch(/hash|[0-9a-f]{64}/)
  expect(typesOf(shownToReader)).toEqual(['TenantSuspended', 'TenantLimitsSet', 'TenantLimitsSet'])
})

test('each filter finds what it names, and all of them together', async () => {
  const tenant = freshTenant()
  const writer = await keyFor(tenant, 'write')
  const other = await keyFor(tenant, 'write')
  const create = async (bearer: string, correlationId: string) => {
    const headers = by(bearer, { 'x-correlation-id': correlationId })
    return storeIn(await command.send('POST', '/api/v1/stores', { headers, body: storeBody })).id
  }
  const first = await create(writer, 'trace-1')
  const second = await create(other, 'trace-2')
  const [created] = await entriesOf({ tenant, store: second, type: 'StoreRequested' })
  const actor = `key:${created?.actor.id}`
  const time = created?.time ?? ''

  const found = await Promise.all([
    entriesOf({ tenant, store: first }),
    entriesOf({ tenant, actor }),
    entriesOf({ tenant, type: 'StoreRequested' }),
    entriesOf({ tenant, correlationId: 'trace-1' }),
    entriesOf({ tenant, from: time, type: 'StoreRequested' }),
    entriesOf({ tenant, to: time, type: 'ApiKeyCreated' }),
    entriesOf({
      tenant,
      actor,
      store: second,
      correlationId: 'trace-2',
      type: 'StoreRequested',
      from: time,
    }),
    entriesOf({ tenant, actor, store: first }),
  ])

  expect(found.map(typesOf)).toEqual([
    ['StoreRequested', 'StoreSlotReserved'],
    ['StoreRequested', 'StoreSlotReserved'],
    ['StoreRequested', 'StoreRequested'],
    ['StoreRequested', 'StoreSlotReserved'],
    ['StoreRequested'],
    ['ApiKeyCreated', 'ApiKeyCreated'],
    ['StoreRequested'],
    [],
  ])
  expect(found[2]?.map(({ storeId }) => storeId)).toEqual([second, first])
})

test('pages join without a gap in both orders, and a cursor is of its tenant', async () => {
  const { tenant } = query
  const { storeId } = await query.requestStore()
  await query.append(storeId, upgraded(), 0n)
  const asked = { tenant, store: storeId }
  const all = await entriesOf({ ...asked, limit: '100' })
  for (const sort of ['position', '-position']) {
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const next = { ...asked, sort, limit: '4', ...(cursor && { cursor }) }
      const { entries, pagination } = await readPage(next)
      seen.push(...entries.map(({ id }) => id))
      cursor = pagination.nextCursor
    }
    const ids = all.map(({ id }) => id)
    expect(seen).toEqual(sort === 'position' ? ids.toReversed() : ids)
  }
  const { pagination } = await readPage({ ...asked, limit: '2' })
  const elsewhere = `/api/v1/audit?tenant=${freshTenant()}&cursor=${pagination.nextCursor}`
  expect((await query.send('GET', elsewhere, { headers: by(operatorKey) })).status).toBe(400)
})

test('a tenant sees nothing of another, and no worker’s name', async () => {
  const { tenant } = query
  const { storeId } = await query.requestStore()
  const stored = { type: 'ProvisioningStepRecorded', data: { worker: 'host-17' } }
  await query.store.append(
    `store-${storeId}`,
    [{ id: randomUUID(), ...stored, metadata: { ...metadata, tenantId: tenant } }],
    0n,
  )
  const reader = await keyFor(freshTenant(), 'read')

  const [step] = await entriesOf({ tenant, store: storeId, actor: 'worker' })
  const byName = await entriesOf({ tenant, actor: 'worker:host-17' })

  expect(step?.actor).toEqual({ kind: 'worker', id: expect.stringMatching(/^w-[0-9a-f]{12}$/) })
  expect(byName).toEqual([])
  expect(await entriesOf({ store: storeId }, reader)).toEqual([])
  const named = `/api/v1/audit?tenant=${tenant}`
  expect((await query.send('GET', named, { headers: by(reader) })).status).toBe(403)
})

const metadata = {
  correlationId: 'c',
  actor: 'worker:host-17',
  schemaVersion: 1,
  commandId: 'x',
}

test('an operator who names no tenant sees the keys of operators', async () => {
  await keyFor(undefined, 'operator')

  const entries = await entriesOf({ type: 'ApiKeyCreated' })

  expect(entries.at(0)).toMatchObject({ changes: { roles: { to: ['operator'] } }, tenantId: '*' })
})

test('what an event holds never keeps it out of the trail', async () => {
  const { tenant } = query
  const { storeId } = await query.requestStore()
  const odd = 'a\u0000b\ud800'
  const append = (type: string, data: object, expected: bigint, more: object = {}) =>
    query.store.append(
      `store-${storeId}`,
      [{ id: randomUUID(), type, data, metadata: { ...metadata, tenantId: tenant, ...more } }],
      expected,
    )
  await append('Unknown\u0000Type', { odd }, 0n, { correlationId: odd, reason: odd })
  await append('StoreFailed', { odd }, 1n, { correlationId: 'x'.repeat(50_000) })
  await append('RetryRequested', { requestedAt: new Date().toISOString() }, 2n, { actor: 7 })

  const entries = await entriesOf({ tenant, store: storeId, sort: 'position' })

  expect(typesOf(entries)).toEqual([
    'StoreRequested',
    'Unknown\ufffdType',
    'StoreFailed',
    'RetryRequested',
  ])
  expect(entries.map(({ changes }) => Object.keys(changes).length > 0)).toEqual([
    true,
    false,
    false,
    false,
  ])
})

test.for([
  {},
  { store: '00000000-0000-4000-8000-000000000100' },
  { actor: 'user:7' },
  { actor: 'user:nobody' },
  { type: 'Type3' },
  { correlationId: 'c-77' },
  { from: '2026-01-01T01:00:00Z', to: '2026-01-01T01:05:00Z' },
  { to: '2026-01-01T01:05:00Z' },
  { from: '2026-01-01T10:00:00Z', sort: 'position' },
  { actor: 'user:7', to: '2026-01-01T01:05:00Z' },
  { store: '00000000-0000-4000-8000-000000000100', type: 'Type3', cursor: '1000' },
])('a page of a large table is read along an index: %o', async (asked) => {
  await using database = await testDatabase()
  const { pool } = database
  await pool.query(
    `insert into audit select p, 'acme', timestamptz '2026-01-01' + p * interval '1 second',
       ('00000000-0000-4000-8000-' || lpad(to_hex(p / 10), 12, '0'))::uuid, 'Type' || p % 12,
       'user:' || p % 50, 'c-' || p / 3, '{}'::json from generate_series(1, 60000) p`,
  )
  await pool.query('analyze audit')
  const { cursor, ...parsed } = operations.listAudit.schema.querystring.parse(asked)
  const after = cursor === undefined ? undefined : BigInt(cursor)
  const caller = { tenantId: 'acme', roles: ['admin' as const] }
  const { text, values } = auditStatement({ caller, query: parsed, after })

  const { rows } = await pool.query(`explain (analyze, format json) ${text}`, values)

  const plan = JSON.stringify(rows)
  expect(plan).not.toContain('Seq Scan')
  const removed = [...plan.matchAll(/"Rows Removed by Filter":(\d+)/g)].map(([, count]) =>
    Number(count),
  )
  // The hour that clocks may differ is read too.
  expect(Math.max(0, ...removed)).toBeLessThan(3_700)
})
