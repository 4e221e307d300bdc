import { eventually } from '#test/eventually'
import { history, projectedLog } from '#test/projector/projected-log'
import { Client } from 'pg'
import { expect, inject, test } from 'vitest'

const ways = {
  'an empty database takes the place of': async (name: string) => {
    await asAdmin(inject('postgresUrl'), `drop database ${name} with (force)`)
    await asAdmin(inject('postgresUrl'), `create database ${name}`)
  },
  'somebody empties': (name: string) =>
    asAdmin(urlOf(name), 'drop schema public cascade; create schema public'),
}

test.each(Object.entries(ways))(
  '%s the database of a running projector: it migrates and projects from the start',
  async (_, replace) => {
    await using world = await projectedLog()
    await using projector = await world.projectorHere()
    await world.append(history({ stores: 5, steps: 3 }))
    await world.caughtUp()

    await replace(world.database.name)
    await world.append(history({ first: 10, stores: 5, steps: 3 }))

    await world.caughtUp()
    expect(await world.rebuild()).toMatchObject({ basis: 'same position', total: 0 })
    await eventually(async () => expect((await projector.get('/health/ready')).status).toBe(200))
  },
)

const urlOf = (database: string) =>
  Object.assign(new URL(inject('postgresUrl')), { pathname: database }).href

async function asAdmin(url: string, statement: string): Promise<void> {
  const client = new Client(url)
  await client.connect()
  await client.query(statement)
  await client.end()
}

test('a database that is older than its audit trail gets the rows of earlier events, with what they changed', async () => {
  await using world = await projectedLog()
  const { pool } = world.database
  await world.append(history({ stores: 20, steps: 5 }))
  await using first = await world.projector()
  await world.caughtUp()
  await first.stop()
  const rows = async () => (await pool.query('select * from audit order by position')).rows
  const before = await rows()
  // As a version without the table left it.
  await pool.query('truncate audit')
  await pool.query(`delete from projection_checkpoints where name = 'audit'`)
  const unfilled = await world.rebuild()

  expect(unfilled).toMatchObject({ total: 0, switched: true })
  await pool.query('truncate audit')
  await pool.query(`delete from projection_checkpoints where name = 'audit'`)
  await using second = await world.projector()
  await eventually(async () => expect(await rows()).toEqual(before), { timeoutMs: 25_000 })
  await world.append(history({ first: 100, stores: 5, steps: 3 }))
  await world.caughtUp()
  await second.stop()

  expect(before.length).toBeGreaterThan(50)
  expect((await rows()).length).toBeGreaterThan(before.length)
  expect(await world.rebuild()).toMatchObject({ basis: 'same position', total: 0 })
})
