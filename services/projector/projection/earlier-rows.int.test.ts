import { readFile } from 'node:fs/promises'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { storeView, storeViewOf } from '#contracts'
import { connectionConfig, migrate } from '#postgres'
import { testDatabase } from '#test/servers/test-database'
import type { StoreProjection } from './store-projection.ts'

const EARLIER = ['0001_read-models', '0002_upgrades']
const SCHEMA = 'earlier'

test('a row written by an earlier version gets the view the projector would write now', async () => {
  await using database = await databaseOfEarlier()
  const { client, url } = database
  await client.query(
    'insert into stores select * from json_populate_recordset(null::stores, $1::json)',
    [await readFile(new URL('fixtures/rows-of-0002.json', import.meta.url), 'utf8')],
  )

  await migrate(url, { schema: SCHEMA })

  const { rows } = await client.query<StoreProjection & { view: unknown }>(
    `select state, revision, position, updated_at as "updatedAt", view from stores`,
  )
  expect(new Set(rows.map(({ state }) => state.status)).size).toBe(9)
  for (const { state, revision, updatedAt, view } of rows) {
    expect(view).toEqual(storeViewOf(state, { revision, updatedAt }))
    expect(storeView.strict().safeParse(view).error).toBeUndefined()
  }
})

/** A database as an earlier version left it, in a schema of its own. */
async function databaseOfEarlier() {
  const database = await testDatabase()
  const client = new Client(connectionConfig(database.url))
  client.on('error', () => {})
  await client.connect()
  await client.query(`create schema ${SCHEMA}`)
  await client.query(`set search_path to ${SCHEMA}`)
  await client.query(
    'create table schema_migrations (id serial primary key, name text not null, run_on timestamp not null)',
  )
  for (const name of EARLIER) {
    const file = new URL(`../../../shared/postgres/migrations/${name}.sql`, import.meta.url)
    await client.query(await readFile(file, 'utf8'))
    await client.query('insert into schema_migrations (name, run_on) values ($1, now())', [name])
  }
  return {
    url: database.url,
    client,
    async [Symbol.asyncDispose]() {
      await client.end()
      await database[Symbol.asyncDispose]()
    },
  }
}
