import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { expect, inject, test } from 'vitest'
import { migrate } from './migrate.ts'

test('two migrations at once leave one schema, each file run once', async () => {
  await using database = await emptyDatabase()

  const ran = await Promise.all([migrate(database.url), migrate(database.url)])

  expect(ran.flat().toSorted()).toEqual(['0001_read-models', '0002_upgrades'])
  const { rows } = await database.client.query('select name from schema_migrations')
  expect(rows).toEqual([{ name: '0001_read-models' }, { name: '0002_upgrades' }])
})

test('a migrated database is left as it is', async () => {
  await using database = await emptyDatabase()
  await migrate(database.url)

  expect(await migrate(database.url)).toEqual([])
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
