import { chmod, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tempFolder } from '#test/temp-folder'
import { testDatabase } from '#test/servers/test-database'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { freePort } from '../processes/free-port.ts'
import { startPostgres } from './postgres.ts'

test('two tests that write the same table do not see each other', async () => {
  await using one = await testDatabase()
  await using other = await testDatabase()
  await one.pool.query('create table of_one (id int)')

  const { rows } = await other.pool.query(`select to_regclass('of_one') as found`)

  expect(rows).toEqual([{ found: null }])
})

test('it runs, and goes on with its data, below a folder that only its owner may enter', async () => {
  await using place = await somewhere()
  await chmod(place.folder, 0o700)
  const first = await startPostgres(place)
  await query(first.url, 'create table kept (id int)')
  await first.stop()

  const second = await startPostgres(place)
  const { rows } = await query(second.url, 'select count(*)::int as count from kept')
  await second.stop()

  expect(rows).toEqual([{ count: 0 }])
})

test('a cluster that was only half made is made again', async () => {
  await using place = await somewhere()
  const first = await startPostgres(place)
  await first.stop()
  // As a kill in the middle leaves it: not yet moved to its place.
  await rm(join(place.dataDir, 'cluster'), { recursive: true })
  await writeFile(join(place.dataDir, 'password.new'), 'stale')

  const second = await startPostgres(place)

  await expect(query(second.url, 'select 1')).resolves.toBeDefined()
  await second.stop()
})

test('a damaged cluster refuses to start in PostgreSQL’s own words', async () => {
  await using place = await somewhere()
  await (await startPostgres(place)).stop()
  await writeFile(join(place.dataDir, 'cluster', 'global', 'pg_control'), 'damaged')

  await expect(startPostgres(place)).rejects.toThrow(
    /PostgreSQL ended before it was ready: .*pg_control/,
  )
})

async function somewhere() {
  const folder = await tempFolder()
  const dataDir = join(folder.path, 'postgres')
  return {
    folder: folder.path,
    dataDir,
    logFile: join(folder.path, 'postgres.log'),
    port: await freePort(),
    durable: false,
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  }
}

async function query(url: string, statement: string) {
  const client = new Client(url)
  await client.connect()
  try {
    return await client.query(statement)
  } finally {
    await client.end()
  }
}
