import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { operations } from '#contracts'
import { type Role, roles } from '#domain'
import { eventually } from '#test/eventually'
import { freshTenant, storeBody, storeIn } from '#test/http/client'
import { commandApi } from '#test/http/command-api'
import { eventSource } from '#test/http/event-source'
import { queryApi } from '#test/http/query-api'
import { testIssuer } from '#test/servers/test-issuer'

const operatorKey = 'operator-key-of-these-tests-0123456789'
const own = freshTenant()
const made = z.object({ key: z.looseObject({ id: z.string() }), secret: z.string() })

let issuer: Awaited<ReturnType<typeof testIssuer>>
let query: Awaited<ReturnType<typeof queryApi>>
let command: Awaited<ReturnType<typeof commandApi>>

beforeAll(async () => {
  issuer = await testIssuer()
  const env = {
    AUTH: 'keys,jwt',
    OPERATOR_KEY: operatorKey,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: issuer.audience,
    AUTH_JWKS_URL: issuer.jwksUrl,
  }
  query = await queryApi(env)
  command = await commandApi(query.events.url, env)
})
afterAll(async () => {
  await command[Symbol.asyncDispose]()
  await query[Symbol.asyncDispose]()
  await issuer[Symbol.asyncDispose]()
})

const by = (bearer: string, more: Record<string, string> = {}) => ({
  authorization: `Bearer ${bearer}`,
  ...more,
})

/** A key that both processes know. */
async function keyFor(tenant: string | undefined, role: Role, more: object = {}) {
  const headers = by(operatorKey, tenant === undefined ? {} : { 'x-tenant': tenant })
  const body = { name: `${role} of a test`, roles: [role], ...more }
  const answer = await command.send('POST', '/api/v1/keys', { headers, body })
  expect(answer.status).toBe(201)
  const { key, secret } = made.parse(answer.json)
  await eventually(async () => {
    const known = await Promise.all([
      query.send('GET', '/api/v1/stores?tenant=x', { headers: by(secret) }),
      command.send('DELETE', '/api/v1/keys/0000000000000000', { headers: by(secret) }),
    ])
    expect(known.map(({ status }) => status)).not.toContain(401)
  })
  return { ...key, secret }
}

test('a key is shown once, stands in the log as its hash, and reaches its own tenant', async () => {
  const { id, secret } = await keyFor(own, 'write')

  const created = await command.send('POST', '/api/v1/stores', {
    body: storeBody,
    headers: by(secret, { 'x-reason': 'order 4711' }),
  })
  const listed = await query.send('GET', `/api/v1/keys?tenant=${own}`, { headers: by(operatorKey) })

  const [event] = await command.eventsOf(storeIn(created).id)
  expect(event?.metadata).toMatchObject({
    tenantId: own,
    actor: `key:${id}`,
    actorName: 'write of a test',
    address: '127.0.0.1',
    reason: 'order 4711',
  })
  expect(listed.json['keys']).toContainEqual(expect.objectContaining({ id, revokedAt: null }))
  expect(listed.text).not.toContain(secret)
  for await (const stored of command.store.readStream(`key-${id}`))
    expect(JSON.stringify(stored.data)).not.toContain(secret.slice(20))
})

test('the list tells when each key was last used, by whichever process', async () => {
  const { id, secret } = await keyFor(own, 'read')
  const { id: unused } = made.parse(
    (
      await command.send('POST', '/api/v1/keys', {
        headers: by(operatorKey, { 'x-tenant': own }),
        body: { name: 'unused', roles: ['read'] },
      })
    ).json,
  ).key
  const usesOf = async (wanted: string) => {
    const { json } = await query.send('GET', `/api/v1/keys?tenant=${own}`, {
      headers: by(operatorKey),
    })
    const { keys } = z
      .object({ keys: z.array(z.object({ id: z.string(), lastUsedAt: z.string().nullable() })) })
      .parse(json)
    return keys.find((key) => key.id === wanted)?.lastUsedAt
  }
  const env = { AUTH: 'keys', DATABASE_URL: query.database.url }
  const before = Date.now()

  {
    // What it has not written yet it writes when it ends.
    await using other = await commandApi(query.events.url, env)
    await eventually(async () =>
      expect(await other.create({ headers: by(secret) })).toMatchObject({ status: 403 }),
    )
  }

  expect(Date.parse((await usesOf(id)) ?? '')).toBeGreaterThanOrEqual(before)
  expect(await usesOf(unused)).toBeNull()
})

test('a revoked key is refused by every process, and its live stream ends', async () => {
  const { id, secret } = await keyFor(own, 'read')
  await using live = await eventSource({ url: query.url, tenant: own }, by(secret))
  await live.next('open')

  const revoked = await command.send('DELETE', `/api/v1/keys/${id}`, { headers: by(operatorKey) })

  expect(revoked).toMatchObject({ status: 200, json: { key: { revokedAt: expect.any(String) } } })
  await expect(live.ended).resolves.toBe(true)
  await eventually(async () => {
    const answer = await query.send('GET', '/api/v1/stores', { headers: by(secret) })
    expect(answer).toMatchObject({ status: 401, json: { code: 'UNAUTHENTICATED' } })
  })
})

test('a key is refused after its expiry, and one of the past is not made', async () => {
  const expiresAt = new Date(Date.now() + 3_000).toISOString()
  const body = { name: 'short', roles: ['read'], expiresAt }
  const headers = by(operatorKey, { 'x-tenant': own })
  const { secret } = made.parse(
    (await command.send('POST', '/api/v1/keys', { headers, body })).json,
  )
  const past = { ...body, expiresAt: '2020-01-01T00:00:00Z' }

  expect((await command.send('POST', '/api/v1/keys', { headers, body: past })).status).toBe(400)
  await eventually(async () => {
    expect(Date.now()).toBeGreaterThan(Date.parse(expiresAt))
    expect((await query.send('GET', '/api/v1/stores', { headers: by(secret) })).status).toBe(401)
  })
})

test('an admin makes keys of its own tenant, up to its own role', async () => {
  const { secret } = await keyFor(own, 'admin')
  const create = (role: Role, more: Record<string, string> = {}) =>
    command.send('POST', '/api/v1/keys', {
      headers: by(secret, more),
      body: { name: 'made by an admin', roles: [role] },
    })

  expect(await create('admin')).toMatchObject({ status: 201, json: { key: { tenantId: own } } })
  expect((await create('operator')).status).toBe(400)
  expect((await create('read', { 'x-tenant': 'other' })).status).toBe(403)
})

test('another tenant’s key is not found', async () => {
  const { id } = await keyFor(freshTenant(), 'read')
  const { secret } = await keyFor(own, 'admin')

  const answer = await command.send('DELETE', `/api/v1/keys/${id}`, { headers: by(secret) })

  expect(answer).toMatchObject({ status: 404, json: { code: 'KEY_NOT_FOUND' } })
})

test('an operator who names no tenant follows the stores of all', async () => {
  await using live = await eventSource(query, by(operatorKey))
  await live.next('open')

  const tenants = [freshTenant(), freshTenant()]
  for (const tenant of tenants) {
    const headers = by(operatorKey, { 'x-tenant': tenant })
    expect((await command.create({ headers })).status).toBe(202)
  }

  for (const tenantId of tenants)
    expect(await live.next('store')).toMatchObject({ data: { tenantId, status: 'requested' } })
})

test('what an operator does for a tenant names both', async () => {
  const tenant = freshTenant()
  const { id: operatorId, secret } = await keyFor(undefined, 'operator')
  const headers = by(secret, { 'x-tenant': tenant })

  const created = storeIn(
    await command.send('POST', '/api/v1/stores', { headers, body: storeBody }),
  )

  const path = `/api/v1/stores/${created.id}/events?tenant=${tenant}`
  const shown = await query.send('GET', path, { headers: by(secret) })
  expect(shown.json['events']).toMatchObject([{ actor: `key:${operatorId}`, asOperator: true }])
  expect(shown.text).not.toContain('127.0.0.1')
  const [event] = await command.eventsOf(created.id)
  expect(event?.metadata).toMatchObject({
    tenantId: tenant,
    asOperator: true,
    address: '127.0.0.1',
  })
})

test('every route × role × own, other or no tenant × kind of credential', async () => {
  const other = freshTenant()
  const credentials: { kind: string; role: Role | undefined; bearer: string | undefined }[] = [
    { kind: 'none', role: undefined, bearer: undefined },
    { kind: 'junk', role: undefined, bearer: 'junk' },
    { kind: 'OPERATOR_KEY', role: 'operator', bearer: operatorKey },
    { kind: 'other’s hash', role: undefined, bearer: `sw_${'0'.repeat(16)}_${'0'.repeat(49)}` },
  ]
  for (const role of roles) {
    const tenant = role === 'operator' ? undefined : own
    credentials.push({ kind: 'key', role, bearer: (await keyFor(tenant, role)).secret })
    credentials.push({ kind: 'jwt', role, bearer: await issuer.token(own, [role]) })
  }
  const all = Object.values(operations)
  const cells = all.flatMap((operation) =>
    credentials.flatMap((credential) =>
      [undefined, own, other].map((named) => ({ operation, ...credential, named })),
    ),
  )
  const wrong: string[] = []
  await Promise.all(
    cells.map(async (cell) => {
      const { operation, kind, role, named } = cell
      const status = await statusOf(operation, cell)
      const seen = [400, 401, 403].includes(status) ? status : 'served'
      if (seen !== outcomeOf(operation, cell))
        wrong.push(`${operation.operationId} ${kind} ${role} for ${named}: ${status}`)
    }),
  )

  expect(wrong).toEqual([])
  expect(cells).toHaveLength(all.length * credentials.length * 3)
})

type Operation = (typeof operations)[keyof typeof operations]

function outcomeOf(
  operation: Operation,
  { role, named }: { role: Role | undefined; named: string | undefined },
): 400 | 401 | 403 | 'served' {
  if (role === undefined) return 401
  if (roles.indexOf(role) < roles.indexOf(operation.policy)) return 403
  if (role !== 'operator') return named === undefined || named === own ? 'served' : 403
  return named === undefined && !('anyTenant' in operation) ? 400 : 'served'
}

interface Sender {
  bearer: string | undefined
  role: Role | undefined
  named: string | undefined
}

/** What an operation answers; a stream is left when it has begun. */
async function statusOf(operation: Operation, { bearer, role, named }: Sender): Promise<number> {
  const { method, operationId } = operation
  const ids: Record<string, string> = { keys: 'ffffffffffffffff', tenants: named ?? own }
  const id = ids[operation.path.split('/')[1] ?? ''] ?? randomUUID()
  const path = `/api/v1${operation.path.replace(':id', id)}`
  const isRead = method === 'GET'
  const url = `${isRead ? query.url : command.url}${path}${isRead && named ? `?tenant=${named}` : ''}`
  const sent = bodies[operationId]?.({ role, named })
  const left = new AbortController()
  const answer = await fetch(url, {
    method,
    headers: {
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      ...(sent !== undefined && { 'content-type': 'application/json' }),
      ...(!isRead && named !== undefined && { 'x-tenant': named }),
    },
    ...(sent !== undefined && { body: JSON.stringify(sent) }),
    signal: left.signal,
  })
  left.abort()
  return answer.status
}

const bodies: Record<string, (sender: Omit<Sender, 'bearer'>) => object> = {
  createStore: () => storeBody,
  changeStore: () => ({}),
  upgradeStore: () => ({}),
  requestOperation: () => ({ action: 'retry', filter: {} }),
  setTenant: () => ({ limits: {}, suspended: false }),
  // An operator that names no tenant makes the key of an operator.
  createKey: ({ role, named }) => ({
    name: 'of the matrix',
    roles: [role === 'operator' && named === undefined ? 'operator' : 'read'],
  }),
}
