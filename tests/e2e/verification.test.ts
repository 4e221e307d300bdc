import { engines } from '#domain'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '#test/eventually'
import { npmStart } from '#test/stack/npm-start'
import { storeClient } from '#test/stack/store-client'

let stack: Awaited<ReturnType<typeof npmStart>>
let client: ReturnType<typeof storeClient>

beforeAll(async () => {
  stack = await npmStart()
  client = storeClient(stack.url)
})
afterAll(() => stack[Symbol.asyncDispose]())

test.for(['/health', '/health/live', '/health/ready'])('%s answers 200', async (path) => {
  expect((await client.get(path)).status).toBe(200)
})

test('one request sent twice gives one store', async () => {
  const headers = { 'idempotency-key': 'test-123' }

  const first = await client.accepted({ headers })
  const second = await client.accepted({ headers })

  expect(second).toBe(first)
})

test('one request sent fifty times at once gives one store', async () => {
  const headers = { 'idempotency-key': 'fifty' }

  const ids = await Promise.all(Array.from({ length: 50 }, () => client.accepted({ headers })))

  expect(new Set(ids).size).toBe(1)
})

test.for(engines)('a %s store becomes ready, with its manifests', async (engine) => {
  const id = await client.accepted({ engine })

  const store = await client.untilStatus(id, 'ready')

  const events = await client.events(id)
  expect(events.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['StoreRequested', 'ProvisioningStarted', 'StoreProvisioned']),
  )
  const releases = await readdir(join(stack.dataDir, 'releases'), { recursive: true })
  expect(releases.filter((path) => path.includes(store.release))).not.toEqual([])
})

test('a ready store is upgraded to a larger plan, under one correlation id from the request to its end', async () => {
  const id = await client.accepted({})
  await client.untilStatus(id, 'ready')
  const headers = { 'content-type': 'application/json', 'x-correlation-id': 'trace-upgrade' }

  const answer = await fetch(`${stack.url}/api/stores/${id}/upgrade`, {
    method: 'POST',
    headers,
    body: '{"plan":"large"}',
  })
  expect(answer.status).toBe(202)

  await eventually(async () => {
    const shown = await client.get(`/api/stores/${id}`)
    expect(await shown.json()).toMatchObject({
      store: { status: 'ready', plan: 'large', upgrade: null },
    })
  })
  const traced = (await client.events(id)).filter(
    (event) => event['correlationId'] === 'trace-upgrade',
  )
  expect(traced.map(({ type }) => type)).toEqual([
    'UpgradeRequested',
    'ProvisioningStarted',
    'ProvisioningStepRecorded',
    'StoreProvisioned',
  ])
})

test('stores are listed in pages', async () => {
  await client.accepted({})
  await eventually(async () => {
    const { stores, pagination } = await client.list('limit=1&offset=0')
    expect(stores).toHaveLength(1)
    expect(pagination).toMatchObject({ limit: 1, offset: 0, hasMore: pagination.total > 1 })
  })
})

test.for(['0', '101', '-1', 'abc'])('limit=%s is refused', async (limit) => {
  expect((await client.get(`/api/stores?limit=${limit}`)).status).toBe(400)
})

test('a correlation id is echoed, and stands in the log and in the events it caused', async () => {
  const headers = { 'x-correlation-id': 'trace-123' }

  const answer = await client.request({ headers })
  const id = answer.headers.get('location')?.split('/').at(-1) ?? ''

  expect(answer.headers.get('x-correlation-id')).toBe('trace-123')
  await client.untilStatus(id, 'ready')
  expect((await client.events(id)).map((event) => event['correlationId'])).toContain('trace-123')
  const correlated = stack.lines().filter(({ correlationId }) => correlationId === 'trace-123')
  expect(correlated.map(({ service }) => service)).toContain('command-api')
})

test('a name that is a command is refused and nothing runs', async () => {
  const name = 'Test; rm -rf /'

  const answer = await client.request({ name })

  expect(answer.status).toBe(400)
  const { stores } = await client.list('limit=100')
  expect(stores.map((store) => store.name)).not.toContain(name)
})

test('an unknown engine is refused', async () => {
  expect((await client.request({ engine: 'shopify' })).status).toBe(400)
})

test('every line the programs log is JSON with its level and its service', async () => {
  const afterSetUp = stack.output().slice(stack.output().indexOf('{"level"'))

  const lines = afterSetUp.trim().split('\n')

  expect(stack.lines()).toHaveLength(lines.length)
})
