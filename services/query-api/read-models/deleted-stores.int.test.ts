import { listStoresQuery, type ListStoresQuery } from '#contracts'
import { testDatabase } from '#test/servers/test-database'
import { Pool } from 'pg'
import { expect, test } from 'vitest'
import { readModels } from './connection.ts'
import { changedStores, listStores } from './list-stores.ts'

const DELETED = 20_000
const LIVE = 30
/** From the sixth time PostgreSQL plans a prepared statement for all values at once. */
const TIMES = 8

const queries: [string, Record<string, string>][] = [
  ['the newest stores', {}],
  ['the oldest stores', { sort: 'createdAt' }],
  ['a later page', { offset: '10', limit: '10' }],
  ['the stores of an engine', { engine: 'medusa' }],
  ['the stores of a status', { status: 'ready' }],
  ['the stores of a name', { q: 'shop 7' }],
  [
    'the stores of a name, an engine and a status',
    { q: 'shop', engine: 'medusa', status: 'ready' },
  ],
]

test('a list reads no row of a store that was deleted, however many there are', async () => {
  await using database = await testDatabase()
  await fill(database.pool)
  // One connection, whose statistics tell what it has read.
  const pool = new Pool({ connectionString: database.url, max: 1 })
  const models = readModels(pool)
  const read = async (work: () => Promise<unknown>) => {
    const before = await rowsRead(pool)
    await work()
    return (await rowsRead(pool)) - before
  }
  const list = (query: ListStoresQuery) => listStores(models, { tenantId: 'one', query })

  const rows: Record<string, number> = {}
  for (const [name, given] of queries) {
    const query = listStoresQuery.parse(given)
    rows[name] = await read(async () => {
      for (let time = 0; time < TIMES; time++) await list(query)
    })
  }
  rows['what has changed'] = await read(async () => {
    const place = { tenantId: 'one', after: BigInt(DELETED), limit: 100 }
    for (let time = 0; time < TIMES; time++) await changedStores(models, place)
  })
  const { pagination } = await list(listStoresQuery.parse({}))
  await pool.end()

  expect(pagination.total).toBe(LIVE)
  // At most each live row for the page, and once more for the total of a search.
  const tooMany = Object.entries(rows).filter(([, count]) => count > 2 * TIMES * LIVE)
  expect(tooMany).toEqual([])
  expect(Math.min(...Object.values(rows))).toBeGreaterThan(0)
})

/** Stores of one tenant that were deleted, and its newest, which live. */
async function fill(pool: Pool): Promise<void> {
  await pool.query(
    `insert into stores
       (id, tenant_id, name, engine, status, created_at, updated_at, revision, position, view, state)
     select gen_random_uuid(), 'one', 'Shop ' || n, case n % 2 when 0 then 'medusa' else 'woocommerce' end,
       case when n <= $1 then 'deleted' else 'ready' end,
       timestamptz '2026-01-01' + n * interval '1 s', now(), 5, n,
       jsonb_build_object('id', n, 'createdAt', timestamptz '2026-01-01' + n * interval '1 s'), '{}'
     from generate_series(1, $1 + $2::int) n`,
    [DELETED, LIVE],
  )
  await pool.query(
    `insert into store_counts select tenant_id, engine, status, count(*) from stores group by 1, 2, 3`,
  )
  await pool.query('vacuum analyze stores')
}

async function rowsRead(pool: Pool): Promise<number> {
  await pool.query('select pg_stat_force_next_flush()')
  const { rows } = await pool.query<{ read: string }>(
    `select seq_tup_read + idx_tup_fetch as read from pg_stat_user_tables where relname = 'stores'`,
  )
  return Number(rows[0]?.read)
}
