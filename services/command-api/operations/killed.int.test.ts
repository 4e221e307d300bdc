import { expect, test } from 'vitest'
import { decodeOperationEvent } from '#contracts'
import { operationStream } from '#domain'
import { eventually } from '#test/eventually'
import { apiProcess } from '#test/http/api-process'
import { freshTenant, patience, storeIn } from '#test/http/client'
import { logReader } from '#test/http/log-reader'
import { queryApi } from '#test/http/query-api'

test('F55: killed twice in the middle of an operation, each store gets its command exactly once', async () => {
  await using query = await queryApi()
  const user = freshTenant()
  const env = {
    EVENTSTORE_URL: query.events.url,
    DATABASE_URL: query.database.url,
    OPERATIONS_PER_SECOND: '10',
    ...patience,
  }
  const start = () => apiProcess({ service: 'command-api', tenant: user, env })
  const { eventsOf } = logReader(query.store, user)
  const ids: string[] = []
  const deletionsOf = async (id = '') =>
    (await eventsOf(id)).filter(({ type }) => type === 'DeletionRequested').length
  /** The stores are in order, so a look at one tells how far the operation is. */
  const untilAt = (place: number) =>
    eventually(async () => expect(await deletionsOf(ids[place])).toBe(1), { timeoutMs: 90_000 })

  const first = await start()
  let position = ''
  for (let made = 0; made < 20; made++) {
    const answer = await first.create()
    ids.push(storeIn(answer).id)
    position = answer.headers.get('x-position') ?? ''
  }
  const answer = await first.send('POST', '/api/v1/operations', {
    body: { action: 'delete', filter: {} },
    headers: { 'x-position': position },
  })
  const { id } = Object(answer.json['operation'])
  const recorded = async () => {
    const results = []
    for await (const stored of query.store.readStream(operationStream(String(id)))) {
      const event = decodeOperationEvent(stored)
      if (event?.type === 'BatchDone') results.push(...event.data.results)
    }
    return results
  }

  await untilAt(4)
  await first.end('SIGKILL')
  // A batch is recorded when it is full or 5 s old: what was done is known from the stores alone.
  expect((await recorded()).length).toBeLessThan(ids.length)
  await using second = await start()
  await untilAt(12)
  await second.end('SIGKILL')
  expect(await deletionsOf(ids.at(-1))).toBe(0)
  await using third = await start()
  await eventually(
    async () => {
      const shown = await query.send('GET', `/api/v1/operations/${id}`, { user })
      expect(shown.json).toMatchObject({ operation: { status: 'completed' } })
    },
    { timeoutMs: 90_000 },
  )

  expect(third.lines).not.toEqual([])
  expect(await Promise.all(ids.map(deletionsOf))).toEqual(ids.map(() => 1))
  const results = await recorded()
  expect(results.map(({ storeId }) => storeId)).toEqual(ids)
  expect(results.map(({ outcome }) => outcome)).toEqual(ids.map(() => 'done'))
  expect(await query.rebuild()).toMatchObject({ basis: 'same position', total: 0 })
}, 300_000)
