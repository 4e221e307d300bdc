import { randomUUID } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { schemaVersion } from '#contracts'
import { storeStream, type Plan, type StoreEvent } from '#domain'
import { storeBody, storeIn, type Sent } from '#test/http/client'
import { commandApi } from '#test/http/command-api'
import { testEventStore } from '#test/servers/test-eventstore'

const events = await testEventStore()
const api = await commandApi(events.url)
afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await events[Symbol.asyncDispose]()
})

const upgrade = (id: string, sent: Sent = {}) =>
  api.send('POST', `/api/stores/${id}/upgrade`, { body: {}, ...sent })

test('a ready store is upgraded to a larger plan, and shown with what it is and what it becomes', async () => {
  const id = await readyStore()

  const answer = await upgrade(id, { body: { plan: 'large' } })

  expect(answer.status).toBe(202)
  expect(answer.headers.get('etag')).toBe('"3"')
  expect(answer.headers.get('location')).toBe(`/api/stores/${id}`)
  expect(storeIn(answer)).toMatchObject({
    status: 'upgrading',
    plan: 'small',
    url: 'https://x',
    chartVersion: '0.1.0',
    upgrade: { plan: 'large' },
  })
})

test('an id in capitals names the same store', async () => {
  const id = await readyStore()

  expect(storeIn(await upgrade(id.toUpperCase()))).toMatchObject({ id, status: 'upgrading' })
})

test('a body without a plan keeps the plan of the store', async () => {
  const id = await readyStore('medium')

  expect(storeIn(await upgrade(id))).toMatchObject({ plan: 'medium', upgrade: { plan: 'medium' } })
})

test('the same key and body ask once, also when the upgrade has ended since', async () => {
  const id = await readyStore()
  const sent = { key: 'k', body: { plan: 'medium' } }
  await upgrade(id, sent)
  const during = await upgrade(id, sent)
  await append(id, 3n, started(2, 'upgrade'), provisioned(2))

  const after = await upgrade(id, sent)

  expect(during).toMatchObject({ status: 202, json: { store: { status: 'upgrading' } } })
  expect(after).toMatchObject({ status: 202, json: { store: { status: 'ready', plan: 'medium' } } })
  const types = (await api.eventsOf(id)).map(({ type }) => type)
  expect(types.filter((type) => type === 'UpgradeRequested')).toHaveLength(1)
})

test('of fifty equal requests at once one asks, and all are answered alike', async () => {
  const id = await readyStore()

  const answers = await Promise.all(
    Array.from({ length: 50 }, () => upgrade(id, { key: 'race', body: { plan: 'large' } })),
  )

  const shown = answers.map((answer) =>
    JSON.stringify({ ...storeIn(answer), updatedAt: undefined }),
  )
  expect(new Set(shown).size).toBe(1)
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202))
  expect(await api.eventsOf(id)).toHaveLength(4)
})

test.for([{ plan: 'large' }, {}])('a key with another body, %j, is refused', async (body) => {
  const id = await readyStore()
  await upgrade(id, { key: 'k', body: { plan: 'small' } })

  const answer = await upgrade(id, { key: 'k', body })

  expect(answer).toMatchObject({ status: 422, json: { code: 'IDEMPOTENCY_KEY_REUSED' } })
})

test('a smaller plan is refused with a sentence that names the larger ones', async () => {
  const id = await readyStore('medium')

  const answer = await upgrade(id, { body: { plan: 'small' } })

  expect(answer).toMatchObject({
    status: 422,
    json: {
      code: 'PLAN_TOO_SMALL',
      detail:
        'A store of plan medium cannot change to small: its volumes cannot shrink. Larger plans: large',
    },
  })
})

test('what was refused is not remembered with its key', async () => {
  const id = await readyStore('medium')
  await upgrade(id, { key: 'k', body: { plan: 'small' } })

  expect(await upgrade(id, { key: 'k', body: { plan: 'large' } })).toMatchObject({ status: 202 })
})

test.for([
  ['requested', 'A store that is requested cannot be upgraded'],
  ['upgrading', 'A store that is upgrading cannot be upgraded'],
  ['deleting', 'A store that is deleting cannot be upgraded'],
] as const)('a store that is %s is a conflict', async ([status, detail]) => {
  const id = status === 'requested' ? storeIn(await api.create()).id : await readyStore()
  if (status === 'upgrading') await upgrade(id)
  if (status === 'deleting') await api.send('DELETE', `/api/stores/${id}`)

  const answer = await upgrade(id)

  expect(answer).toMatchObject({ status: 409, json: { code: 'STORE_IN_WRONG_STATE', detail } })
})

test.for([[{ plan: 'huge' }], [{ plan: 'large', size: 1 }], [[]]])(
  'the body %j is not valid',
  async ([body]) => {
    const id = await readyStore()

    expect(await upgrade(id, { body })).toMatchObject({ status: 400 })
  },
)

test("another tenant's store is not there, and a deleted one is gone", async () => {
  const id = await readyStore()
  const stranger = await upgrade(id, { user: 'mallory' })
  const deletedAt = new Date().toISOString()
  await append(id, 2n, { type: 'StoreDeleted', data: { attempt: 1, removed: [], deletedAt } })

  expect(stranger).toMatchObject({ status: 404, json: { code: 'STORE_NOT_FOUND' } })
  expect(await upgrade(id)).toMatchObject({ status: 410 })
})

test('an upgrade that failed can be asked for again, and its failure is no longer shown', async () => {
  const id = await readyStore()
  await upgrade(id, { body: { plan: 'medium' } })
  await append(id, 3n, started(2, 'upgrade'), failed(2))

  const again = await upgrade(id)

  expect(storeIn(again)).toMatchObject({
    status: 'upgrading',
    failure: null,
    upgrade: { plan: 'medium' },
  })
})

test('at its quota a tenant can still upgrade what it has', async () => {
  await using full = await commandApi(events.url, { STORES_PER_TENANT_MAX: '1' })
  const { id } = storeIn(await full.create())
  await append(id, 0n, started(1, 'install'), provisioned(1))
  const refused = await full.create()

  const answer = await full.send('POST', `/api/stores/${id}/upgrade`, { body: { plan: 'large' } })

  expect([refused.status, answer.status]).toEqual([403, 202])
})

test('an upgrade is refused when the store has changed since it was read', async () => {
  const id = await readyStore()

  const answer = await upgrade(id, { headers: { 'if-match': '"0"' } })

  expect(answer).toMatchObject({ status: 412, json: { code: 'PRECONDITION_FAILED' } })
})

async function readyStore(plan: Plan = 'small'): Promise<string> {
  const { id } = storeIn(await api.create({ body: { ...storeBody, plan } }))
  await append(id, 0n, started(1, 'install'), provisioned(1))
  return id
}

function started(attempt: number, kind: 'install' | 'upgrade'): StoreEvent {
  const digests = { valuesDigest: 'v', chartDigest: 'c' }
  const claim = { attempt, worker: 'w', claimId: `claim ${attempt}`, kind }
  return { type: 'ProvisioningStarted', data: { ...claim, ...digests, startedAt: now() } }
}

function provisioned(attempt: number): StoreEvent {
  const place = { release: 's-x', namespace: 's-x', url: 'https://x' }
  const chart = { chart: 'woocommerce', chartVersion: '0.1.0', chartDigest: 'c' }
  const data = { attempt, ...place, ...chart, valuesDigest: 'v', adopted: false }
  return { type: 'StoreProvisioned', data: { ...data, provisionedAt: now() } }
}

function failed(attempt: number): StoreEvent {
  const failure = {
    reason: 'TIMEOUT',
    retryable: true,
    detail: 'late',
    nextAction: 'Wait',
  } as const
  return { type: 'StoreFailed', data: { attempt, ...failure, failedAt: now() } }
}

async function append(storeId: string, after: bigint, ...all: StoreEvent[]): Promise<void> {
  const stored = all.map((event) => {
    const id = randomUUID()
    const who = { correlationId: id, actor: 'worker:test', tenantId: api.tenant }
    return { id, ...event, metadata: { ...who, schemaVersion, commandId: id } }
  })
  await api.store.append(storeStream(storeId), stored, after)
}

const now = () => new Date().toISOString()
