import { randomUUID } from 'node:crypto'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { eventually } from '#test/eventually'
import { history, projectedLog } from '#test/projector/projected-log'
import { projectorProcess } from '#test/projector/projector-process'
import { Client } from 'pg'
import { expect, inject, test } from 'vitest'
import { parseConfig } from './config.ts'
import { start } from './start.ts'

const unreachable = {
  EVENTSTORE_URL: 'esdb://127.0.0.1:1?tls=false',
  DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
  LOG_LEVEL: 'silent',
}

test('two projectors that start at once on an empty database migrate it once and project once', async () => {
  await using world = await projectedLog()
  await using database = await emptyDatabase()
  await world.append(history({ stores: 3, steps: 2 }))
  const env = { DATABASE_URL: database.url }

  await using one = await world.projector(env)
  await using other = await world.projector(env)

  await eventually(async () => {
    const { rows } = await database.client.query('select count(*) from stores')
    expect(rows).toEqual([{ count: '3' }])
  })
  const ready = (projector: typeof one) =>
    eventually(async () =>
      expect((await fetch(`${await projector.url()}/health/ready`)).status).toBe(200),
    )
  await Promise.all([ready(one), ready(other)])
  const stopped = await Promise.all([one.stop(), other.stop()])
  expect(stopped).toEqual([0, 0])
})

test('it projects, measures its lag and its writes, and stops on request', async () => {
  await using world = await projectedLog()
  await world.append(history({ stores: 3, steps: 2 }))
  const projector = await start(
    parseConfig({
      EVENTSTORE_URL: world.log.url,
      DATABASE_URL: world.database.url,
      LOG_LEVEL: 'silent',
      PROJECTOR_SILENCE_MS: '1000',
    }),
  )
  await world.caughtUp()
  await world.append(history({ first: 10, stores: 3, steps: 2 }))
  await world.caughtUp()
  const metrics = await (await fetch(`${projector.url}/metrics`)).text()
  const ready = await fetch(`${projector.url}/health/ready`)
  await projector.close()

  expect(ready.status).toBe(200)
  expect(metrics).toMatch(/projector_events_total 1\d\n/)
  expect(metrics).toContain('projector_leader 1')
  expect(metrics).toContain('projector_lag_seconds 0')
  expect(await world.rebuild()).toMatchObject({ basis: 'same position', total: 0 })
})

test('without Postgres and event store it lives, is not ready, names both, and stops at once', async () => {
  const projector = await start(parseConfig(unreachable))
  const live = await fetch(`${projector.url}/health/live`)
  const ready = await fetch(`${projector.url}/health/ready`)
  const body = await ready.json()
  await projector.close()

  expect([live.status, ready.status]).toEqual([200, 503])
  expect(body).toMatchObject({ failing: ['postgres', 'eventStore', 'projector'] })
})

test('a taken port is an error, and nothing is left running', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? String(address?.port) : ''

  await expect(start(parseConfig({ ...unreachable, PORT: port }))).rejects.toThrow('EADDRINUSE')
  server.close()
})

test('a configuration with gaps ends the process with every gap named', async () => {
  const projector = await projectorProcess({ EVENTSTORE_URL: 'http://wrong' })

  await expect(projector.url()).rejects.toThrow(
    /EVENTSTORE_URL[^]*DATABASE_URL|DATABASE_URL[^]*EVENTSTORE_URL/,
  )
})

async function emptyDatabase() {
  const name = `empty_${randomUUID().replaceAll('-', '')}`
  const admin = new Client(inject('postgresUrl'))
  await admin.connect()
  await admin.query(`create database ${name}`)
  const url = Object.assign(new URL(inject('postgresUrl')), { pathname: name }).href
  const client = new Client(url)
  await client.connect()
  return {
    url,
    client,
    async [Symbol.asyncDispose]() {
      await client.end()
      await admin.query(`drop database ${name} with (force)`)
      await admin.end()
    },
  }
}
