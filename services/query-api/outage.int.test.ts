import { Client } from 'pg'
import { expect, inject, test } from 'vitest'
import { eventually } from '#test/eventually'
import { queryApi } from '#test/http/query-api'

test('without the database, lists are a 503 that names it, and the process goes on', async () => {
  await using api = await queryApi()
  await api.pauseProjector()
  await takeAway(api.database.name)

  const answer = await api.send('GET', '/api/stores')
  const waiting = await api.send('GET', '/api/stores', {
    headers: { 'x-position': api.tokenOf(99_999n) },
  })
  const ready = await api.send('GET', '/health/ready')
  const live = await api.send('GET', '/health/live')

  expect(answer).toMatchObject({ status: 503, json: { code: 'DATABASE_UNAVAILABLE' } })
  expect(waiting).toMatchObject({ status: 503, json: { code: 'DATABASE_UNAVAILABLE' } })
  expect(answer.text).not.toMatch(/connection|postgres/i)
  expect(ready).toMatchObject({ status: 503, json: { failing: ['postgres'] } })
  expect(live.status).toBe(200)
})

test('without the event store, lists are served, history is a 503, and the service stays ready', async () => {
  await using api = await queryApi({ EVENTSTORE_TIMEOUT_MS: '500' })
  const { storeId, position } = await api.requestStore()
  const headers = { 'x-position': api.tokenOf(position) }
  await eventually(async () =>
    expect(await api.send('GET', '/api/stores', { headers })).toMatchObject({ status: 200 }),
  )
  await api.events.kill()

  const list = await api.send('GET', '/api/stores')
  const one = await api.send('GET', `/api/stores/${storeId}`)
  const history = await api.send('GET', `/api/stores/${storeId}/events`)
  const past = await api.send('GET', `/api/stores/${storeId}?at=${new Date().toISOString()}`)
  const ready = await api.send('GET', '/health/ready')

  expect([list.status, one.status]).toEqual([200, 200])
  expect(history).toMatchObject({ status: 503, json: { code: 'EVENT_STORE_UNAVAILABLE' } })
  expect(past).toMatchObject({ status: 503, json: { code: 'EVENT_STORE_UNAVAILABLE' } })
  expect(ready).toMatchObject({ status: 200, json: { failing: [] } })
})

async function takeAway(database: string): Promise<void> {
  const client = new Client(inject('postgresUrl'))
  await client.connect()
  await client.query(`alter database ${database} allow_connections false`)
  await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
    database,
  ])
  await client.end()
}
