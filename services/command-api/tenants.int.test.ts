import { afterAll, beforeAll, expect, test } from 'vitest'
import { tenantStream } from '#domain'
import { eventually } from '#test/eventually'
import { freshTenant, storeIn } from '#test/http/client'
import { commandApi } from '#test/http/command-api'
import { commandApis } from '#test/http/command-apis'
import { logReader } from '#test/http/log-reader'
import { testEventStore } from '#test/servers/test-eventstore'

const operatorKey = 'operator-key-of-these-tests-0123456789'
const keyed = { AUTH: 'keys', OPERATOR_KEY: operatorKey }

const events = await testEventStore()
let api: Awaited<ReturnType<typeof commandApi>>
beforeAll(async () => {
  api = await commandApi(events.url, { STORES_PER_TENANT_MAX: '2' })
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await events[Symbol.asyncDispose]()
})

const put = (
  tenant: string,
  body: object = { limits: {}, suspended: false },
  headers: Record<string, string> = {},
) => api.send('PUT', `/api/v1/tenants/${tenant}`, { body, headers })

test('what an operator sets is an event of the tenant that names both, and why', async () => {
  await using here = await commandApi(events.url, keyed)
  const tenant = freshTenant()
  const headers = { authorization: `Bearer ${operatorKey}`, 'x-reason': 'order 4711' }

  const body = { limits: { stores: 10, plans: { large: 2, small: null } }, suspended: false }
  const answer = await here.send('PUT', `/api/v1/tenants/${tenant}`, { body, headers })

  expect(answer).toMatchObject({
    status: 200,
    json: {
      tenant: {
        id: tenant,
        suspended: false,
        limits: { stores: 10, plans: { small: null, large: 2 }, concurrency: null },
        version: 1,
      },
    },
  })
  const stored = []
  for await (const event of api.store.readStream(tenantStream(tenant))) stored.push(event)
  expect(stored).toMatchObject([
    {
      type: 'TenantLimitsSet',
      data: { limits: { stores: 10, plans: { large: 2 } } },
      metadata: {
        tenantId: tenant,
        actor: 'key:operator',
        asOperator: true,
        address: '127.0.0.1',
        reason: 'order 4711',
      },
    },
  ])
})

test('an operator who names one tenant cannot set what another may', async () => {
  await using here = await commandApi(events.url, keyed)
  const [tenant, other] = [freshTenant(), freshTenant()]
  const headers = { authorization: `Bearer ${operatorKey}`, 'x-tenant': other }

  const body = { limits: { stores: 1 }, suspended: false }
  const refused = await here.send('PUT', `/api/v1/tenants/${tenant}`, { body, headers })
  const accepted = await here.send('PUT', `/api/v1/tenants/${other}`, { body, headers })

  expect([refused.status, accepted.status]).toEqual([400, 200])
  expect(await logReader(api.store, tenant).slotEvents()).toEqual([])
})

test('setting again what is set changes nothing, and a change of another’s state is refused', async () => {
  const tenant = freshTenant()
  const first = await put(tenant, { limits: { stores: 5 }, suspended: false })
  const again = await put(tenant, { limits: { stores: 5 }, suspended: false })
  const etag = first.headers.get('etag') ?? ''
  expect([etag, again.headers.get('etag'), again.text]).toEqual(['"1"', '"1"', first.text])

  const changed = await put(tenant, { limits: {}, suspended: true }, { 'if-match': etag })
  const late = await put(tenant, { limits: { stores: 9 }, suspended: false }, { 'if-match': etag })

  expect(changed).toMatchObject({ status: 200, json: { tenant: { version: 3 } } })
  expect(late).toMatchObject({ status: 412, json: { code: 'PRECONDITION_FAILED' } })
  const types = (await logReader(api.store, tenant).slotEvents()).map(({ type }) => type)
  expect(types).toEqual(['TenantLimitsSet', 'TenantLimitsSet', 'TenantSuspended'])
})

test.each([
  ['no body', undefined],
  ['no word on suspension', { limits: {} }],
  ['a limit that is none', { limits: { stores: -1 }, suspended: false }],
  ['a plan that is none', { limits: { plans: { huge: 1 } }, suspended: false }],
])('%s is refused and sets nothing', async (_, body) => {
  const tenant = freshTenant()
  const answer = await api.send('PUT', `/api/v1/tenants/${tenant}`, { body })
  expect(answer).toMatchObject({ status: 400, json: { code: 'REQUEST_INVALID' } })
  expect(await logReader(api.store, tenant).slotEvents()).toEqual([])
})

test('a tenant’s own quota counts instead of the default, in every process', async () => {
  await using other = await commandApi(events.url, { STORES_PER_TENANT_MAX: '2' })
  const user = freshTenant()
  await api.create({ user })
  await api.create({ user })
  expect(await other.create({ user })).toMatchObject({ status: 403 })

  await put(user, { limits: { stores: 3 }, suspended: false })

  expect(await other.create({ user })).toMatchObject({ status: 202 })
  expect(await other.create({ user })).toMatchObject({
    status: 403,
    json: {
      code: 'QUOTA_EXCEEDED',
      detail: 'Store quota reached: 3 stores',
      nextAction: expect.stringContaining('operator'),
    },
  })
})

test('the quota of a plan holds for new stores and for upgrades, and a refused upgrade takes nothing', async () => {
  const user = freshTenant()
  await put(user, { limits: { stores: 10, plans: { large: 1 } }, suspended: false })
  const store = (plan: string) => ({
    user,
    body: { name: 'A store', engine: 'woocommerce', plan },
  })
  const small = storeIn(await api.create(store('small')))
  const upgrade = () =>
    api.send('POST', `/api/v1/stores/${small.id}/upgrade`, { user, body: { plan: 'large' } })

  // The store is not ready: that is why it is refused, and the slot of the plan stays free.
  expect(await upgrade()).toMatchObject({ status: 409, json: { code: 'STORE_IN_WRONG_STATE' } })
  expect(await api.create(store('large'))).toMatchObject({ status: 202 })
  expect(await api.create(store('large'))).toMatchObject({
    status: 403,
    json: { code: 'QUOTA_EXCEEDED', detail: 'Store quota reached: 1 stores of plan large' },
  })
  expect(await api.create(store('medium'))).toMatchObject({ status: 202 })
})

test('one key with two plans at the same time through two processes takes one slot of one plan', async () => {
  await using other = await commandApi(events.url, { STORES_PER_TENANT_MAX: '2' })
  const user = freshTenant()
  await put(user, { limits: { plans: { large: 0 } }, suspended: false })
  const body = { name: 'A store', engine: 'woocommerce' }

  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      Promise.all([
        api.create({ user, key: `k${index % 2}`, body: { ...body, plan: 'small' } }),
        other.create({ user, key: `k${index % 2}`, body: { ...body, plan: 'large' } }),
      ]),
    ),
  )

  const stored = await logReader(api.store, user).requestedStores()
  expect(stored.map(({ plan }) => plan)).toEqual(['small', 'small'])
  for (const [, large] of answers) expect([403, 422]).toContain(large.status)
})

test('a suspended tenant is refused every change by every process and told what to do; repetitions are answered', async () => {
  await using other = await commandApi(events.url)
  const user = freshTenant()
  const first = await api.create({ user, key: 'k' })
  const { id } = storeIn(first)
  await api.send('POST', `/api/v1/stores/${id}/cancel`, { user, key: 'c' })
  await put(user, { limits: {}, suspended: true })

  const refused = await Promise.all([
    api.create({ user }),
    other.create({ user }),
    api.send('DELETE', `/api/v1/stores/${id}`, { user }),
    other.send('DELETE', `/api/v1/stores/${id}`, { user }),
  ])

  for (const answer of refused)
    expect(answer).toMatchObject({
      status: 403,
      json: {
        code: 'TENANT_SUSPENDED',
        retryable: false,
        nextAction: 'Ask the operators of the installation to resume the tenant',
      },
    })
  expect(await other.create({ user, key: 'k' })).toMatchObject({ status: 202, text: first.text })
  const cancelled = await api.send('POST', `/api/v1/stores/${id}/cancel`, { user, key: 'c' })
  expect([cancelled.status, cancelled.headers.get('idempotency-replayed')]).toEqual([202, 'true'])

  await put(user, { limits: {}, suspended: false })

  expect(await other.send('DELETE', `/api/v1/stores/${id}`, { user })).toMatchObject({
    status: 202,
  })
  expect(await other.create({ user })).toMatchObject({ status: 202 })
})

test('a tenant’s own rate counts instead of the default, for that tenant only', async () => {
  await using other = await commandApi(events.url)
  const [user, neighbour] = [freshTenant(), freshTenant()]
  const policyOf = async (who: string) =>
    (await other.create({ user: who })).headers.get('ratelimit-policy')

  await put(user, { limits: { requestsPerMinute: 3 }, suspended: false })

  await eventually(async () => expect(await policyOf(user)).toBe('"default";q=3;w=60'))
  await eventually(async () => {
    const answer = await other.create({ user })
    expect(answer).toMatchObject({ status: 429, json: { code: 'RATE_LIMITED' } })
  })
  expect(await policyOf(neighbour)).toBe('"default";q=6000;w=60')
})

test('of 500 creates at once through two processes, one of them killed, exactly the ten of the quota are accepted', async () => {
  await using world = await commandApis()
  const [dying, living] = [await world.api(), await world.api()]
  const { user, requestedStores, slotEvents } = world.tenant()
  const limits = { stores: 10, plans: { small: 10 } }
  const set = await living.send('PUT', `/api/v1/tenants/${user}`, {
    body: { limits, suspended: false },
  })
  expect(set.status).toBe(200)
  const keys = Array.from({ length: 500 }, (_, index) => `k${index}`)

  const sent = keys.map((key, index) =>
    (index % 2 === 0 ? dying : living).create({ user, key }).catch(() => 'no answer' as const),
  )
  await Promise.race(sent)
  await dying.end('SIGKILL')
  const answers = await Promise.all(sent)
  // Who got no answer asks again; a slot that the dead process reserved belongs to its key.
  const again = await Promise.all(keys.map((key) => living.create({ user, key })))

  const accepted = again.filter(({ status }) => status === 202)
  expect(accepted).toHaveLength(10)
  expect(again.filter(({ status }) => status === 403)).toHaveLength(490)
  const stored = await requestedStores()
  expect(new Set(stored.map(({ storeId }) => storeId))).toEqual(
    new Set(accepted.map((answer) => storeIn(answer).id)),
  )
  expect(stored).toHaveLength(10)
  const slots = (await slotEvents()).filter(({ type }) => type === 'StoreSlotReserved')
  expect(slots).toHaveLength(10)
  const promised = answers.filter((answer) => answer !== 'no answer' && answer.status === 202)
  const ids = promised.map((answer) => (answer === 'no answer' ? '' : storeIn(answer).id))
  expect(stored.map(({ storeId }) => storeId)).toEqual(expect.arrayContaining(ids))
})
