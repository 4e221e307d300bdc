import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { testDatabase } from '#test/servers/test-database'
import { expect, test } from 'vitest'
import { openPool } from './pool.ts'
import { withTransaction } from './pool.ts'

test('times are ISO 8601 UTC text, bigints are bigints, nothing loses precision', async () => {
  await using opened = await pooled()

  const { rows } = await opened.pool.query(
    `select '2026-03-01 01:02:03.45+01'::timestamptz as time, 9007199254740993::bigint as big,
       '2026-03-01T00:00:00Z'::timestamptz as whole, null::timestamptz as none, 1 as small`,
  )

  expect(rows).toEqual([
    {
      time: '2026-03-01T00:02:03.450Z',
      big: 9_007_199_254_740_993n,
      whole: '2026-03-01T00:00:00.000Z',
      none: null,
      small: 1,
    },
  ])
})

test('times are UTC also for a URL that sets options of its own', async () => {
  await using opened = await pooled('?options=-c%20timezone%3DAsia/Kolkata')

  const { rows } = await opened.pool.query(`select '2026-03-01 00:00:00.5+00'::timestamptz as time`)

  expect(rows).toEqual([{ time: '2026-03-01T00:00:00.500Z' }])
})

test('a connection that the server ends costs its query, not the process', async () => {
  await using opened = await pooled()
  const { pool } = opened
  const [client, other] = await Promise.all([pool.connect(), pool.connect()])
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')

  await other.query('select pg_terminate_backend($1)', [rows[0]?.pid])

  await eventually(() => expect(opened.lines()).toContain('a connection to Postgres was lost'))
  await expect(client.query('select 1')).rejects.toThrow(/not queryable/)
  client.release(true)
  other.release()
  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})

test('a transaction that fails leaves nothing, and its connection is not used again', async () => {
  await using opened = await pooled()
  const { pool } = opened
  await pool.query('create table kept (n int)')
  const pidOf = async () => {
    const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid')
    return rows[0]?.pid
  }
  const before = await pidOf()

  const failing = withTransaction(pool, async (client) => {
    await client.query('insert into kept values (1)')
    throw new Error('no')
  })

  await expect(failing).rejects.toThrow('no')
  expect((await pool.query('select * from kept')).rows).toEqual([])
  expect(await pidOf()).not.toBe(before)
})

test('a transaction that ends well is there', async () => {
  await using opened = await pooled()
  const { pool } = opened
  await pool.query('create table kept (n int)')

  const result = await withTransaction(pool, (client) =>
    client.query('insert into kept values (1)'),
  )

  expect(result.rowCount).toBe(1)
  expect((await pool.query('select * from kept')).rows).toEqual([{ n: 1 }])
})

async function pooled(search = '') {
  const database = await testDatabase()
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const logger = createLogger({ service: 'test', level: 'info', destination })
  const pool = openPool({ url: `${database.url}${search}`, logger, max: 2 })
  return {
    pool,
    lines: () => lines.join(''),
    async [Symbol.asyncDispose]() {
      await pool.end()
      await database[Symbol.asyncDispose]()
    },
  }
}
