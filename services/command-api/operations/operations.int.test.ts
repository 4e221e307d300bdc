import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { decodeOperationEvent } from '#contracts'
import { operationStream } from '#domain'
import { eventually } from '#test/eventually'
import { type Answer, freshTenant, storeIn } from '#test/http/client'
import { commandApi } from '#test/http/command-api'
import { logReader } from '#test/http/log-reader'
import { queryApi } from '#test/http/query-api'

const one = z.object({
  operation: z.looseObject({
    id: z.string(),
    status: z.string(),
    pausedBy: z.string().nullable(),
    counts: z.object({
      stores: z.number(),
      done: z.number(),
      skipped: z.number(),
      refused: z.number(),
      left: z.number(),
    }),
    refusals: z.record(z.string(), z.number()),
  }),
})
const page = z.object({
  results: z.array(
    z.object({ storeId: z.string(), outcome: z.string(), code: z.string().nullable() }),
  ),
  pagination: z.object({ hasMore: z.boolean(), nextCursor: z.string().nullable() }),
})

let query: Awaited<ReturnType<typeof queryApi>>
let command: Awaited<ReturnType<typeof commandApi>>
beforeAll(async () => {
  query = await queryApi()
  command = await commandApi(query.events.url, withDatabase('1000'))
})
afterAll(async () => {
  await command[Symbol.asyncDispose]()
  await query[Symbol.asyncDispose]()
})

const withDatabase = (perSecond: string) => ({
  DATABASE_URL: query.database.url,
  OPERATIONS_PER_SECOND: perSecond,
})

/** Stores of a tenant, and the position at which they all can be selected. */
async function storesOf(user: string, count: number, more: object = {}) {
  const body = { name: 'A store', engine: 'woocommerce', ...more }
  const ids: string[] = []
  let position = ''
  for (let made = 0; made < count; made++) {
    const answer = await command.create({ user, body })
    ids.push(storeIn(answer).id)
    position = answer.headers.get('x-position') ?? ''
  }
  return { ids, headers: { 'x-position': position } }
}

/** Rows of the read models alone, which is quicker than stores. */
const rowsOf = (user: string, count: number) =>
  query.database.pool.query(
    `insert into stores (id, tenant_id, name, engine, status, created_at, updated_at, revision, position, view, state)
     select gen_random_uuid(), $1, 'x', 'medusa', 'ready', now(), now(), 0, 0, '{}', '{}'
     from generate_series(1, $2::int)`,
    [user, count],
  )

interface Asking {
  user: string
  body: object
  headers?: Record<string, string>
  key?: string
}

const ask = (asked: Asking, api = command) => api.send('POST', '/api/v1/operations', asked)
const operationIn = (answer: Answer) => one.parse(answer.json).operation
const read = async (user: string, id: string) =>
  operationIn(await query.send('GET', `/api/v1/operations/${id}`, { user }))

const untilEnded = (user: string, id: string) =>
  eventually(
    async () => {
      const found = await read(user, id)
      expect(['completed', 'cancelled']).toContain(found.status)
      return found
    },
    { timeoutMs: 60_000 },
  )

async function typesOf(id: string): Promise<string[]> {
  const types: string[] = []
  for await (const event of query.store.readStream(operationStream(id))) types.push(event.type)
  return types
}

test('a dry run counts the stores and shows some, and nothing is stored', async () => {
  const user = freshTenant()
  const { ids, headers } = await storesOf(user, 3)
  await storesOf(user, 1, { plan: 'large' })
  const before = await query.store.head()

  const body = { action: 'delete', filter: { plan: 'small' }, dryRun: true }
  const answer = await ask({ user, body, headers })

  expect(answer).toMatchObject({ status: 200, json: { dryRun: { count: 3 } } })
  expect(answer.json).toEqual({ dryRun: { count: 3, sample: ids } })
  expect(await query.store.head()).toEqual(before)
})

test('an operation that deletes 30 stores gives each its command once, and tells how far it is', async () => {
  const user = freshTenant()
  const { ids, headers } = await storesOf(user, 30, { labels: { team: 'shop' } })
  const { ids: others } = await storesOf(user, 1)
  const body = { action: 'delete', filter: { label: { team: 'shop' } }, reason: 'the shop closes' }

  const answer = await ask({ user, body, headers, key: 'close' })
  const operation = operationIn(answer)
  const ended = await untilEnded(user, operation.id)

  expect(answer.status).toBe(202)
  expect(answer.headers.get('location')).toBe(`/api/v1/operations/${operation.id}`)
  expect(operation).toMatchObject({ status: 'running', reason: 'the shop closes' })
  expect(ended).toMatchObject({
    status: 'completed',
    action: 'delete',
    createdBy: `user:${user}`,
    counts: { stores: 30, done: 30, skipped: 0, refused: 0, left: 0 },
  })
  const { eventsOf } = logReader(query.store, user)
  for (const id of ids) {
    const deletions = (await eventsOf(id)).filter(({ type }) => type === 'DeletionRequested')
    expect(deletions).toMatchObject([
      {
        metadata: {
          tenantId: user,
          actor: `user:${user}`,
          reason: 'the shop closes',
          address: '127.0.0.1',
          causationId: operationStream(operation.id),
        },
      },
    ])
  }
  expect(await eventsOf(others[0] ?? '')).toHaveLength(1)
  expect(await typesOf(operation.id)).toEqual([
    'OperationRequested',
    'StoresSelected',
    'BatchDone',
    'OperationEnded',
  ])
  const history = await query.send('GET', `/api/v1/stores/${ids[0]}/events`, { user })
  expect(history.json).toMatchObject({
    events: [{ type: 'StoreRequested' }, { operationId: operation.id }],
  })
})

test('the same key is the same operation, also at the same time, and another request with it is refused', async () => {
  const user = freshTenant()
  const { headers } = await storesOf(user, 2)
  const body = { action: 'label', labels: { tier: 'gold' }, filter: {} }

  const send = () => ask({ user, body, headers, key: 'k' })
  const answers = await Promise.all([send(), send(), send()])
  await untilEnded(user, operationIn(answers[0]).id)
  const again = await ask({ user, body, headers, key: 'k' })
  const other = await ask({ user, body: { ...body, filter: { q: 'x' } }, headers, key: 'k' })

  expect(new Set([...answers, again].map(({ text }) => text)).size).toBe(1)
  const replays = answers.map(({ headers: got }) => got.get('idempotency-replayed'))
  expect(replays.filter((replayed) => replayed === null)).toHaveLength(1)
  expect(again.headers.get('idempotency-replayed')).toBe('true')
  expect(other).toMatchObject({ status: 422, json: { code: 'IDEMPOTENCY_KEY_REUSED' } })
  const listed = await query.send('GET', '/api/v1/operations', { user })
  expect(listed.json['operations']).toHaveLength(1)
})

test('what is refused or had already happened is told for each store, page by page', async () => {
  const user = freshTenant()
  const { ids } = await storesOf(user, 3)
  for (const id of ids.slice(0, 2))
    await command.send('POST', `/api/v1/stores/${id}/cancel`, { user })
  const last = await storesOf(user, 2)
  const deleting = last.ids[1] ?? ''
  const deleted = await command.send('DELETE', `/api/v1/stores/${deleting}`, { user })
  const headers = { 'x-position': deleted.headers.get('x-position') ?? '' }

  const answer = await ask({ user, body: { action: 'retry', filter: {} }, headers })
  const { id, counts, refusals } = await untilEnded(user, operationIn(answer).id)

  expect(counts).toEqual({ stores: 5, done: 2, skipped: 2, refused: 1, left: 0 })
  expect(refusals).toEqual({ STORE_IN_WRONG_STATE: 1 })
  const found: unknown[] = []
  let path: string | undefined = `/api/v1/operations/${id}/results?limit=2`
  while (path !== undefined) {
    const got = await query.send('GET', path, { user })
    const { results, pagination } = page.parse(got.json)
    found.push(...results.map(({ storeId, outcome, code }) => [storeId, outcome, code]))
    path = /<(.+)>; rel="next"/.exec(got.headers.get('link') ?? '')?.[1]
    expect(pagination.hasMore).toBe(path !== undefined)
  }
  expect(found).toEqual([
    [ids[0], 'done', null],
    [ids[1], 'done', null],
    [ids[2], 'skipped', null],
    [last.ids[0], 'skipped', null],
    [deleting, 'refused', 'STORE_IN_WRONG_STATE'],
  ])
  const refused = await query.send('GET', `/api/v1/operations/${id}/results?outcome=refused`, {
    user,
  })
  expect(page.parse(refused.json).results).toMatchObject([{ storeId: deleting }])
})

test('a cancelled operation stops between two stores and keeps the results it has', async () => {
  const user = freshTenant()
  const { ids, headers } = await storesOf(user, 12)
  await put(user, { limits: { requestsPerMinute: 120 }, suspended: false })
  const body = { action: 'label', labels: { tier: 'gold' }, filter: {} }
  const { id } = operationIn(await ask({ user, body, headers }))
  const { eventsOf } = logReader(query.store, user)
  await eventually(async () => expect(await eventsOf(ids[0] ?? '')).toHaveLength(2))

  const cancelled = await command.send('POST', `/api/v1/operations/${id}/cancel`, { user })
  const ended = await untilEnded(user, id)
  const again = await command.send('POST', `/api/v1/operations/${id}/cancel`, { user })

  expect(cancelled).toMatchObject({ status: 202, json: { operation: { status: 'cancelling' } } })
  expect(again).toMatchObject({ status: 202, json: { operation: { status: 'cancelled' } } })
  expect(ended.status).toBe('cancelled')
  expect(ended.counts.left).toBeGreaterThan(0)
  const changed = []
  for (const storeId of ids) if ((await eventsOf(storeId)).length === 2) changed.push(storeId)
  expect(changed).toHaveLength(ended.counts.done)
})

const put = (user: string, body: object) =>
  command.send('PUT', `/api/v1/tenants/${user}`, { user, body })

test('an operation of a suspended tenant pauses and says why, and goes on when the tenant is resumed', async () => {
  const user = freshTenant()
  const { headers } = await storesOf(user, 12)
  await put(user, { limits: { requestsPerMinute: 120 }, suspended: false })
  const body = { action: 'label', labels: { tier: 'gold' }, filter: {} }
  const { id } = operationIn(await ask({ user, body, headers }))
  await put(user, { limits: {}, suspended: true })

  await eventually(async () => expect((await read(user, id)).pausedBy).toBe('TENANT_SUSPENDED'))
  const refused = await ask({ user, body })
  const left = (await read(user, id)).counts.left
  await put(user, { limits: {}, suspended: false })
  const ended = await untilEnded(user, id)

  expect(refused).toMatchObject({ status: 403, json: { code: 'TENANT_SUSPENDED' } })
  expect(left).toBeGreaterThan(0)
  expect(ended).toMatchObject({ status: 'completed', counts: { done: 12 } })
})

test('an operation of no store is completed at once, and cannot be cancelled', async () => {
  const user = freshTenant()
  const { id } = operationIn(await ask({ user, body: { action: 'retry', filter: {} } }))

  expect(await untilEnded(user, id)).toMatchObject({ status: 'completed', counts: { stores: 0 } })
  const late = await command.send('POST', `/api/v1/operations/${id}/cancel`, { user })
  expect(late).toMatchObject({ status: 409, json: { code: 'OPERATION_ENDED' } })
})

test('another tenant sees nothing of an operation and cannot cancel it', async () => {
  const [user, other] = [freshTenant(), freshTenant()]
  const { id } = operationIn(await ask({ user, body: { action: 'retry', filter: {} } }))

  const paths = [`/api/v1/operations/${id}`, `/api/v1/operations/${id}/results`]
  const reads = await Promise.all(paths.map((path) => query.send('GET', path, { user: other })))
  const cancel = await command.send('POST', `/api/v1/operations/${id}/cancel`, { user: other })
  const unknown = await query.send('GET', `/api/v1/operations/${randomUUID()}`, { user })

  for (const answer of [...reads, cancel, unknown])
    expect(answer).toMatchObject({ status: 404, json: { code: 'OPERATION_NOT_FOUND' } })
  expect((await query.send('GET', '/api/v1/operations', { user: other })).json).toMatchObject({
    operations: [],
  })
})

test('a position the read models have not reached is waited for, and one beyond the log is refused', async () => {
  const user = freshTenant()
  const body = { action: 'retry', filter: {}, dryRun: true }
  await query.pauseProjector()
  const { headers } = await storesOf(user, 1)
  const behind = await ask({ user, body, headers })
  await query.goOnProjecting()
  const reached = await eventually(async () => {
    const answer = await ask({ user, body, headers })
    expect(answer.status).toBe(200)
    return answer
  })
  const beyond = await ask({
    user: command.tenant,
    body,
    headers: { 'x-position': command.tokenOf(2n ** 60n) },
  })

  expect(behind).toMatchObject({ status: 503, json: { code: 'READ_MODEL_BEHIND' } })
  expect(reached.json).toMatchObject({ dryRun: { count: 1 } })
  expect(beyond).toMatchObject({ status: 400, json: { code: 'REQUEST_INVALID' } })
})

test('more stores than an operation takes are refused with what to do', async () => {
  const user = freshTenant()
  await rowsOf(user, 20_001)

  const answer = await ask({ user, body: { action: 'delete', filter: {} } })

  expect(answer).toMatchObject({
    status: 422,
    json: { code: 'SELECTION_TOO_LARGE', nextAction: expect.stringContaining('narrower') },
  })
})

test('as many stores as an operation takes are one append, and their ids are in pages', async () => {
  const user = freshTenant()
  await rowsOf(user, 20_000)

  const headers = { 'x-reason': 'r'.repeat(200) }
  const answer = await ask({ user, body: { action: 'retry', filter: {} }, headers })
  const { id } = operationIn(answer)
  await command.send('POST', `/api/v1/operations/${id}/cancel`, { user })

  expect(answer).toMatchObject({ status: 202, json: { operation: { counts: { stores: 20_000 } } } })
  const ids = new Set<string>()
  for await (const stored of query.store.readStream(operationStream(id))) {
    const event = decodeOperationEvent(stored)
    if (event?.type !== 'StoresSelected') continue
    expect(event.data.storeIds.length).toBeLessThanOrEqual(1_000)
    for (const storeId of event.data.storeIds) ids.add(storeId)
  }
  expect(ids.size).toBe(20_000)
  await untilEnded(user, id)
})

test('without read models the command API takes no operations and names the setting', async () => {
  await using alone = await commandApi(query.events.url)
  const answer = await ask({ user: freshTenant(), body: { action: 'retry', filter: {} } }, alone)

  expect(answer).toMatchObject({
    status: 501,
    json: {
      code: 'OPERATIONS_OFF',
      retryable: false,
      detail: expect.stringContaining('DATABASE_URL'),
    },
  })
})

test('an operation that deletes needs the role admin; an operator names the tenant it acts for', async () => {
  const operatorKey = 'operator-key-of-these-tests-0123456789'
  const env = { ...withDatabase('1000'), AUTH: 'keys', OPERATOR_KEY: operatorKey }
  await using keyed = await commandApi(query.events.url, env)
  const user = freshTenant()
  const { ids, headers } = await storesOf(user, 1)
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
  const operator = { ...bearer(operatorKey), 'x-tenant': user }
  const keyOf = async (role: string) => {
    const body = { name: role, roles: [role] }
    const made = await keyed.send('POST', '/api/v1/keys', { body, headers: operator })
    return z.object({ secret: z.string() }).parse(made.json).secret
  }
  const [writer, admin] = [await keyOf('write'), await keyOf('admin')]
  const remove = { action: 'delete', filter: {}, dryRun: true }
  const send = (body: object, given: Record<string, string>) =>
    keyed.send('POST', '/api/v1/operations', { body, headers: { ...headers, ...given } })

  // A new key is known to every process within a moment.
  await eventually(async () => expect((await send(remove, bearer(admin))).status).toBe(200))
  const refused = await send(remove, bearer(writer))
  const allowed = await send({ ...remove, action: 'retry' }, bearer(writer))
  const { id } = operationIn(await send({ action: 'cancel', filter: {} }, operator))
  const ended = await untilEnded(user, id)

  expect(refused).toMatchObject({ status: 403, json: { code: 'FORBIDDEN' } })
  expect(allowed.status).toBe(200)
  expect(ended).toMatchObject({ createdBy: 'key:operator', counts: { done: 1 } })
  const events = await logReader(query.store, user).eventsOf(ids[0] ?? '')
  expect(events.find(({ type }) => type === 'CancelRequested')?.metadata).toMatchObject({
    tenantId: user,
    actor: 'key:operator',
    asOperator: true,
  })
})

test('a user of PostgreSQL with the rights that docs/operations.md gives is enough', async () => {
  await using world = await queryApi()
  const { pool, url, name } = world.database
  const role = `command_${name.slice(-12)}`
  const text = await readFile(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
  const grants = text.match(/^grant .* to storewright_command;$/gm) ?? []
  await pool.query(`create role ${role} login password 'secret'`)
  for (const grant of grants) await pool.query(grant.replace('storewright_command', role))
  const limited = Object.assign(new URL(url), { username: role, password: 'secret' }).href

  try {
    await using api = await commandApi(world.events.url, { DATABASE_URL: limited })
    const user = api.tenant
    const created = await api.create()
    const headers = { 'x-position': created.headers.get('x-position') ?? '' }
    const asked = { user, headers, body: { action: 'cancel', filter: {} } }
    const { id } = operationIn(await ask(asked, api))
    await eventually(async () => {
      const shown = await world.send('GET', `/api/v1/operations/${id}`, { user })
      expect(operationIn(shown)).toMatchObject({ status: 'completed', counts: { done: 1 } })
    })
    const client = new Client({ connectionString: limited })
    await client.connect()
    await expect(client.query('delete from stores')).rejects.toThrow('permission denied')
    await client.end()
  } finally {
    await pool.query(`drop owned by ${role}`)
    await pool.query(`drop role ${role}`)
  }
  expect(grants).toHaveLength(2)
})
