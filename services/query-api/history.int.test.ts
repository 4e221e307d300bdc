import { randomUUID } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { eventPage } from '#contracts'
import { eventually } from '#test/eventually'
import { storeIn } from '#test/http/client'
import { deletion, upgraded } from '#test/http/historian'
import { queryApi } from '#test/http/query-api'

const api = await queryApi()
afterAll(() => api[Symbol.asyncDispose]())

const readAt = (id: string, position: bigint) =>
  api.send('GET', `/api/stores/${id}`, { headers: { 'x-position': api.tokenOf(position) } })

test('a store is shown with its revision as ETag, and not sent again to who has it', async () => {
  const { storeId, position } = await api.requestStore({ name: 'Shop' })

  const answer = await readAt(storeId, position)

  expect(storeIn(answer)).toMatchObject({ id: storeId, name: 'Shop', status: 'requested' })
  const etag = answer.headers.get('etag') ?? ''
  expect(etag).toBe('"0"')
  for (const tags of [etag, `W/${etag}`, `"7", ${etag}`, '*']) {
    const again = await api.send('GET', `/api/stores/${storeId}`, {
      headers: { 'if-none-match': tags },
    })
    expect(again).toMatchObject({ status: 304, text: '' })
  }
})

test('a store that is not in the read models yet is read from the log', async () => {
  await api.pauseProjector()
  const { storeId } = await api.requestStore()

  const answer = await api.send('GET', `/api/stores/${storeId}`)

  await api.goOnProjecting()
  expect(storeIn(answer)).toMatchObject({ id: storeId, status: 'requested' })
})

test("what is not there, or another tenant's, is not found", async () => {
  const { storeId } = await api.requestStore()

  const answers = await Promise.all([
    api.send('GET', `/api/stores/${randomUUID()}`),
    api.send('GET', `/api/stores/${storeId}`, { user: 'mallory' }),
    api.send('GET', `/api/stores/${storeId}?at=2099-01-01T00:00:00Z`, { user: 'mallory' }),
    api.send('GET', `/api/stores/${storeId}/events`, { user: 'mallory' }),
    api.send('GET', `/api/stores/${storeId}/events?from=1`, { user: 'mallory' }),
  ])

  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]))
})

test('a deleted store is gone, and can still be seen as it was', async () => {
  const { storeId, requested } = await requestedBefore()
  const position = await api.append(storeId, deletion(), 0n)
  const [, , deleted] = await historyOf(storeId)
  const at = (time: string) => api.send('GET', `/api/stores/${storeId}?at=${time}`)

  expect(await readAt(storeId, position)).toMatchObject({ status: 410 })
  const early = await at('2000-01-01T00:00:00Z')
  expect(early).toMatchObject({ status: 404, json: { code: 'STORE_NOT_FOUND' } })
  expect(storeIn(await at(requested?.time ?? ''))).toMatchObject({ status: 'requested' })
  expect(storeIn(await at(deleted?.time ?? ''))).toMatchObject({ status: 'deleted', revision: 2 })
})

test('the state at a time that the API gave is the state after that event', async () => {
  const { storeId } = await requestedBefore()
  await api.append(storeId, deletion(), 0n)
  const at = async (time: unknown) =>
    storeIn(await api.send('GET', `/api/stores/${storeId}?at=${String(time)}`))
  const [requested, , deleted] = await historyOf(storeId)

  expect(await at(requested?.data['requestedAt'])).toMatchObject({ id: storeId })
  expect(await at(requested?.time)).toMatchObject({ status: 'requested' })
  expect(await at(deleted?.data['deletedAt'])).toMatchObject({ status: 'deleted' })
})

test('a time that the API gave for an event ends with it, also where the clock of the event was behind', async () => {
  const now = Date.now()
  const ago = (seconds: number) => new Date(now - seconds * 1_000).toISOString()
  const { storeId } = await api.requestStore({ requestedAt: ago(10) })
  await api.append(storeId, upgraded().slice(0, 1), 0n)
  await api.append(storeId, deletion(ago(5)), 1n)
  const at = async (time: unknown) =>
    storeIn(await api.send('GET', `/api/stores/${storeId}?at=${String(time)}`))
  const [, started, , deleted] = await historyOf(storeId)

  expect(await at(deleted?.data['deletedAt'])).toMatchObject({ status: 'deleted', revision: 3 })
  expect(await at(started?.time)).toMatchObject({ status: 'provisioning', revision: 1 })
  expect(await at(ago(8))).toMatchObject({ status: 'requested', revision: 0 })
})

test('an id in capitals names the same store everywhere', async () => {
  const { storeId } = await api.requestStore()
  const capitals = storeId.toUpperCase()

  const answers = await Promise.all(
    ['', '?at=2099-01-01T00:00:00Z', '/events'].map((rest) =>
      api.send('GET', `/api/stores/${capitals}${rest}`),
    ),
  )

  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
})

test('a time whose zone was not encoded is refused with what to write', async () => {
  const { storeId } = await api.requestStore()

  const answer = await api.send('GET', `/api/stores/${storeId}?at=2026-01-01T00:00:00+05:30`)

  expect(answer).toMatchObject({ status: 400, json: { code: 'REQUEST_INVALID' } })
  expect(answer.text).toContain('%2B')
})

test('a store that is upgraded looks the same in the read models and in the log, at every moment', async () => {
  const { storeId } = await api.requestStore({ plan: 'small' })
  const seen: unknown[] = []
  let revision = 0n
  for (const event of upgraded()) {
    const position = await api.append(storeId, [event], revision++)
    const [shown, folded] = [
      storeIn(await readAt(storeId, position)),
      storeIn(await api.send('GET', `/api/stores/${storeId}?at=2099-01-01T00:00:00Z`)),
    ]
    expect(shown).toEqual(folded)
    seen.push([shown.status, shown.plan, shown.chartVersion, shown.upgrade?.plan])
  }

  expect(seen).toEqual([
    ['provisioning', 'small', null, undefined],
    ['ready', 'small', '0.1.0', undefined],
    ['upgrading', 'small', '0.1.0', 'large'],
    ['upgrading', 'small', '0.1.0', 'large'],
    ['upgrade-failed', 'small', '0.1.0', 'large'],
    ['upgrading', 'small', '0.1.0', 'large'],
    ['upgrading', 'small', '0.1.0', 'large'],
    ['ready', 'large', '0.2.0', undefined],
  ])
})

test('stores are listed by what they are in the middle of', async () => {
  const { storeId } = await api.requestStore()
  const position = await api.append(storeId, upgraded().slice(0, 3), 0n)

  const answer = await api.send('GET', '/api/stores?status=upgrading&limit=100', {
    headers: { 'x-position': api.tokenOf(position) },
  })

  expect(answer.json).toMatchObject({ stores: [{ id: storeId, upgrade: { plan: 'large' } }] })
})

test('the history is paged from the log, with who did what in answer to what', async () => {
  const { storeId } = await api.requestStore()
  await api.append(storeId, deletion(), 0n)

  const answer = await api.send('GET', `/api/stores/${storeId}/events?limit=2`)

  const { events, pagination } = eventPage.strict().parse(answer.json)
  expect(events).toMatchObject([
    {
      revision: 0,
      type: 'StoreRequested',
      actor: 'user:test',
      correlationId: `c-${storeId}`,
      data: { storeId },
    },
    { revision: 1, type: 'DeletionRequested' },
  ])
  expect(pagination).toEqual({ limit: 2, hasMore: true, nextFrom: 2 })
  const link = answer.headers.get('link')
  expect(link).toBe(`</api/stores/${storeId}/events?from=2&limit=2>; rel="next"`)
  expect(await historyOf(storeId, '?from=2')).toMatchObject([{ type: 'StoreDeleted' }])
})

test('a read that names a position waits for it', async () => {
  await api.pauseProjector()
  const { storeId, position } = await api.requestStore()
  const waiting = api.send('GET', '/api/stores?limit=100', {
    headers: { 'x-position': api.tokenOf(position) },
  })

  await api.goOnProjecting()

  const { json, headers } = await waiting
  expect(json['stores']).toContainEqual(expect.objectContaining({ id: storeId }))
  expect(api.positionOf(headers.get('x-position'))).toBeGreaterThanOrEqual(position)
})

test('a read that names a position which does not come is told to come back, never shown what is old', async () => {
  await api.pauseProjector()
  const { position } = await api.requestStore()

  const answer = await api.send('GET', '/api/stores', {
    headers: { 'x-position': api.tokenOf(position) },
  })

  await api.goOnProjecting()
  expect(answer).toMatchObject({
    status: 503,
    json: { code: 'READ_MODEL_BEHIND', retryable: true },
  })
  expect(answer.headers.get('retry-after')).toBe('1')
})

test('a position beyond the end of the log is refused, as it never comes', async () => {
  const answer = await api.send('GET', '/api/stores', {
    headers: { 'x-position': api.tokenOf(2n ** 62n) },
  })

  expect(answer).toMatchObject({ status: 400, json: { code: 'REQUEST_INVALID' } })
  expect(answer.json['detail']).toContain('beyond the end of the event log')
})

test.for(['/api/stores', '/api/stores/stream', '/api/stores/ID', '/api/stores/ID/events'])(
  'at %s X-Position counts: no token, a number and what is beyond the log are refused',
  async (path) => {
    const { storeId } = await api.requestStore()
    const tokens = ['x', '0', '17', api.tokenOf(2n ** 62n)]

    const answers = await Promise.all(
      tokens.map((token) =>
        api.send('GET', path.replace('ID', storeId), { headers: { 'x-position': token } }),
      ),
    )

    expect(answers.map(({ status }) => status)).toEqual(tokens.map(() => 400))
  },
)

test('history is read from the log, so it does not wait for the read models', async () => {
  await api.pauseProjector()
  const { storeId, position } = await api.requestStore()
  const headers = { 'x-position': api.tokenOf(position) }

  const answer = await api.send('GET', `/api/stores/${storeId}/events`, { headers })

  await api.goOnProjecting()
  expect(answer.status).toBe(200)
})

test('a tenant sees nothing of positions and workers but which are the same', async () => {
  const { storeId, position } = await api.requestStore()
  await api.append(storeId, upgraded().slice(0, 2), 0n)

  const { json, text } = await api.send('GET', `/api/stores/${storeId}/events`)

  const { events: shown } = eventPage.parse(json)
  expect(shown[0]?.position).toBe(api.tokenOf(position))
  expect(shown[1]?.data['worker']).toMatch(/^w-[\da-f]{12}$/)
  expect(text).not.toContain(`"${position}"`)
})

test('every answer says how far behind the read models are', async () => {
  const lag = async () => Number((await api.send('GET', '/api/stores')).headers.get('x-read-lag'))
  await api.pauseProjector()
  await api.requestStore()

  await eventually(async () => expect(await lag()).toBeGreaterThan(0))
  const { text } = await api.send('GET', '/metrics')
  expect(text).toMatch(/read_model_lag_seconds [1-9\d]/)

  await api.goOnProjecting()
  await eventually(async () => expect(await lag()).toBe(0))
})

/** A store that was requested before this millisecond, so that what follows has another time. */
async function requestedBefore() {
  const { storeId } = await api.requestStore()
  const [requested] = await historyOf(storeId)
  await eventually(() => expect(Date.now()).toBeGreaterThan(Date.parse(requested?.time ?? '')))
  return { storeId, requested }
}

async function historyOf(storeId: string, query = '') {
  const { json } = await api.send('GET', `/api/stores/${storeId}/events${query}`)
  return eventPage.parse(json).events
}

const diffOf = (id: string, query: string, sent = {}) =>
  api.send('GET', `/api/v1/stores/${id}/diff?${query}`, sent)

test('the difference between two revisions or times names what changed and nothing else', async () => {
  const { storeId } = await api.requestStore({ plan: 'small' })
  await api.append(storeId, upgraded().slice(0, 2), 0n)
  const [, , ready] = await historyOf(storeId)
  await eventually(() => expect(Date.now()).toBeGreaterThan(Date.parse(ready?.time ?? '')))
  await api.append(storeId, upgraded().slice(2), 2n)
  await api.append(storeId, deletion(), 8n)

  const grown = await diffOf(storeId, `from=2&to=8`)
  const byTime = await diffOf(storeId, `from=${ready?.time}&to=8`)
  const all = await diffOf(storeId, '')
  const before = await diffOf(storeId, 'from=2000-01-01T00:00:00Z&to=0')

  expect(grown.json['diff']).toMatchObject({
    storeId,
    from: { revision: 2 },
    to: { revision: 8 },
    changes: {
      plan: { from: 'small', to: 'large' },
      chartVersion: { from: '0.1.0', to: '0.2.0' },
      attempt: { from: 1, to: 3 },
    },
  })
  expect(Object.keys(Object(Object(grown.json['diff']).changes))).toHaveLength(3)
  expect(Object(byTime.json['diff']).changes).toEqual(Object(grown.json['diff']).changes)
  expect(all.json['diff']).toMatchObject({
    from: { revision: 0 },
    to: { revision: 10 },
    changes: { status: { from: 'requested', to: 'deleted' } },
  })
  expect(before.json['diff']).toMatchObject({
    from: { revision: null, time: null },
    changes: { name: { from: null, to: 'Test Store' } },
  })
})

test('a difference of another tenant’s store, or to a revision that is not there, is refused', async () => {
  const { storeId } = await api.requestStore()

  const answers = [
    await diffOf(storeId, '', { user: 'mallory' }),
    await diffOf(randomUUID(), ''),
    await diffOf(storeId, 'to=1'),
    await diffOf(storeId, 'from=yesterday'),
    await diffOf(storeId, 'from=2026-01-01T00:00:00'),
  ]

  expect(answers.map(({ status }) => status)).toEqual([404, 404, 400, 400, 400])
})

const diagnosisOf = async (id: string, sent = {}) => {
  const { status, json } = await api.send('GET', `/api/v1/stores/${id}/diagnosis`, sent)
  return { status, diagnosis: Object(json['diagnosis']) }
}

test('the diagnosis tells what a store waits for, why it failed and what to do, with its evidence', async () => {
  const now = new Date().toISOString()
  const { storeId } = await api.requestStore()
  const failure = {
    reason: 'IMAGE_PULL',
    retryable: true,
    detail: 'The image x:1 cannot be pulled',
    nextAction: 'Check the name of the image',
  } as const
  const waiting = await diagnosisOf(storeId)
  const [claim] = upgraded(now)
  if (claim === undefined) throw new Error('There is no claim')
  await api.append(storeId, [claim], 0n)
  const working = await diagnosisOf(storeId)
  const ended = { attempt: 1, ...failure, failedAt: now }
  await api.append(
    storeId,
    [{ type: 'ProvisioningAttemptFailed', data: { ...ended, retryAt: now } }],
    1n,
  )
  const again = await diagnosisOf(storeId)
  await api.append(storeId, [claim, { type: 'StoreFailed', data: ended }], 2n)
  const failed = await diagnosisOf(storeId)
  await api.append(storeId, deletion(now), 4n)
  const deleted = await diagnosisOf(storeId)

  expect(waiting.diagnosis).toMatchObject({
    status: 'requested',
    summary: 'It waits for a provisioner to install it',
    nextAction: null,
    evidence: [{ type: 'StoreRequested' }],
  })
  expect(working.diagnosis).toMatchObject({ summary: 'Attempt 1 is at work to install it' })
  expect(again.diagnosis).toMatchObject({
    summary: expect.stringContaining('failed: The image x:1 cannot be pulled; another one follows'),
    failures: 1,
    nextAttemptAt: now,
    failure,
    nextAction: failure.nextAction,
  })
  expect(failed.diagnosis).toMatchObject({
    status: 'failed',
    summary: 'It failed: The image x:1 cannot be pulled',
    nextAction: failure.nextAction,
    evidence: [{ revision: 0 }, { revision: 1 }, { revision: 2 }, { revision: 3 }, { revision: 4 }],
  })
  expect(JSON.stringify(failed.diagnosis.evidence)).not.toContain('"worker":"w"')
  expect(deleted.diagnosis).toMatchObject({ status: 'deleted', summary: 'It was deleted' })
  expect((await diagnosisOf(storeId, { user: 'mallory' })).status).toBe(404)
})
