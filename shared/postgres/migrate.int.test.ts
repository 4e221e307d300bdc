import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Client } from 'pg'
import { expect, inject, test } from 'vitest'
import { migrate } from './migrate.ts'

const names = [
  '0001_read-models',
  '0002_upgrades',
  '0003_view',
  '0004_key-uses',
  '0005_labels-and-references',
  '0006_list-orders',
  '0007_tenants',
  '0008_audit',
  '0009_operations',
]

test('two migrations at once leave one schema, each file run once', async () => {
  await using database = await emptyDatabase()

  const ran = await Promise.all([migrate(database.url), migrate(database.url)])

  expect(ran.flat().toSorted()).toEqual(names)
  const { rows } = await database.client.query('select name from schema_migrations')
  expect(rows).toEqual(names.map((name) => ({ name })))
})

test('a migrated database is left as it is', async () => {
  await using database = await emptyDatabase()
  await migrate(database.url)

  expect(await migrate(database.url)).toEqual([])
})

test('a database of the version before keeps its stores, and says which chart they run', async () => {
  await using database = await emptyDatabase()
  const first = new URL('migrations/0001_read-models.sql', import.meta.url)
  await database.client.query(await readFile(first, 'utf8'))
  await database.client.query(
    `create table schema_migrations (id serial primary key, name text not null, run_on timestamp not null);
     insert into schema_migrations (name, run_on) values ('0001_read-models', now());
     insert into stores select gen_random_uuid(), 't', 'n', 'medusa', 'small', status, null, null, null, 1,
       null, now(), now(), null, 2, 3, '{"provisioned": {"chartVersion": "0.1.0"}}'
     from unnest(array['ready', 'deleting']) status`,
  )

  expect(await migrate(database.url)).toEqual(names.slice(1))

  const { rows } = await database.client.query(
    `select status, view -> 'chartVersion' as chart, view -> 'upgrade' as upgrade from stores order by status`,
  )
  expect(rows).toEqual([
    { status: 'deleting', chart: null, upgrade: null },
    { status: 'ready', chart: '0.1.0', upgrade: null },
  ])
})

test('a server that is away is an error, not a hang', async () => {
  await expect(migrate('postgres://nobody@127.0.0.1:1/none')).rejects.toThrow(/ECONNREFUSED/)
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
