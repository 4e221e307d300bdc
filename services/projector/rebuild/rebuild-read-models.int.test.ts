import { readCheckpoint } from '#postgres'
import { eventually } from '#test/eventually'
import { history, projectedLog } from '#test/projector/projected-log'
import { uuidOf } from '#test/projector/recorded-log'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { replayParked } from './replay-parked.ts'
import { runRebuild } from './run-rebuild.ts'
import { openSession } from './session.ts'

const failure = {
  attempt: 1,
  reason: 'UNKNOWN',
  retryable: false,
  nextAction: 'Look',
  failedAt: '2026-01-01T00:00:00Z',
}

const world = await projectedLog()
const { pool } = world.database
await world.append(history({ stores: 30, steps: 6 }))
await world.rebuild()
afterAll(() => world[Symbol.asyncDispose]())

beforeEach(async () => {
  await world.rebuild(true)
})

test('a rebuild equals what the projector made, byte for byte', async () => {
  await pool.query('truncate stores, store_counts, parked_events, projection_checkpoints')
  await using projector = await world.projector()
  await world.caughtUp()
  await projector.stop()

  const result = await world.rebuild()

  expect(result).toMatchObject({ basis: 'same position', total: 0, switched: true })
  expect(result.events).toBeGreaterThan(100)
})

test('a row that was changed by hand is found, and left until the difference is accepted', async () => {
  const { rows } = await pool.query<{ id: string }>(
    `update stores set name = 'Changed' where id = (select min(id::text) from stores)::uuid returning id`,
  )

  const refused = await world.rebuild()
  const names = await pool.query(`select 1 from stores where name = 'Changed'`)
  const command = await runRebuild([], world.ends)
  const accepted = await runRebuild(['--accept'], world.ends)

  expect(refused).toMatchObject({
    total: 1,
    switched: false,
    differences: [{ table: 'stores', key: rows[0]?.id, live: { name: 'Changed' } }],
  })
  expect(names.rowCount).toBe(1)
  expect([command, accepted]).toEqual([1, 0])
  expect((await world.rebuild()).total).toBe(0)
})

test('a missing row, a row too many and a wrong counter are found', async () => {
  await pool.query(`delete from stores where id = (select min(id::text) from stores)::uuid`)
  await pool.query(`insert into store_counts values ('nobody', 'medusa', 'ready', 1)`)
  await pool.query(`update store_counts set count = count + 1 where tenant_id = 'tenant-0'
    and engine = 'medusa' and status = (select min(status) from store_counts where tenant_id = 'tenant-0' and engine = 'medusa')`)

  const { differences } = await world.rebuild()

  expect(differences).toEqual([
    expect.objectContaining({ table: 'stores', live: undefined }),
    expect.objectContaining({
      table: 'store_counts',
      key: 'nobody medusa ready',
      rebuilt: undefined,
    }),
    expect.objectContaining({
      table: 'store_counts',
      live: expect.anything(),
      rebuilt: expect.anything(),
    }),
  ])
})

test('a rebuild beside a projector at work loses nothing and differs in nothing', async () => {
  await using projector = await world.projector()
  await world.caughtUp()
  const appending = (async () => {
    for (let first = 1_000; first < 1_400; first += 20)
      await world.append(history({ first, stores: 20, steps: 5 }))
  })()

  const results = [await world.rebuild(), await world.rebuild(), await world.rebuild()]
  await appending
  await world.caughtUp()
  await projector.stop()

  expect(results).toMatchObject(results.map(() => ({ total: 0, switched: true })))
  expect(await world.rebuild()).toMatchObject({ basis: 'same position', total: 0 })
})

test('read models that are behind the log are brought to its end before they are compared', async () => {
  await world.append(history({ first: 2_000, stores: 10, steps: 3 }))

  const result = await world.rebuild()

  expect(result).toMatchObject({ basis: 'same position', total: 0, switched: true })
  expect((await readCheckpoint(pool, 'stores'))?.eventId).toBe((await world.store.head())?.id)
})

test('rights that were granted on the tables are kept', async () => {
  await pool.query('create role reader_of_rebuild')
  await pool.query('grant select on stores to reader_of_rebuild')

  await world.rebuild()

  const { rows } = await pool.query(
    `select has_table_privilege('reader_of_rebuild', 'stores', 'select') as read,
       has_table_privilege('reader_of_rebuild', 'stores', 'delete') as remove`,
  )
  await pool.query('drop owned by reader_of_rebuild')
  await pool.query('drop role reader_of_rebuild')
  expect(rows).toEqual([{ read: true, remove: false }])
})

test('a second rebuild at the same time is refused', async () => {
  await using first = await openSession(world.database.url)

  expect(first.client).toBeDefined()
  expect(await runRebuild([], world.ends)).toBe(2)
  await expect(world.rebuild()).rejects.toThrow('Another rebuild is running')
})

test('what Postgres refuses is parked by a rebuild as the projector parks it, and replayed when it can be', async () => {
  await using other = await projectedLog()
  const { url: databaseUrl, pool: otherPool } = other.database
  await other.append(history({ stores: 6, steps: 3 }))
  await other.append([
    { storeId: uuidOf('store 0'), type: 'StoreFailed', data: { ...failure, detail: 'a\u0000b' } },
  ])
  await using projector = await other.projector()
  await other.caughtUp()
  await projector.stop()

  const result = await other.rebuild()
  const replayed = await replayParked({ databaseUrl, store: other.store })

  expect(result).toMatchObject({ basis: 'same position', total: 0 })
  expect((await otherPool.query('select * from stores')).rowCount).toBe(6)
  expect(replayed).toMatchObject([
    { stream: `store-${uuidOf('store 0')}`, events: 1, parkedAgain: [{ type: 'StoreFailed' }] },
  ])
})

test('a rebuild that died leaves nothing that stops the next', async () => {
  await pool.query('create schema read_models_rebuilt')
  await pool.query('create table read_models_rebuilt.stores (id int)')

  expect(await world.rebuild()).toMatchObject({ switched: true })
  await eventually(async () => {
    const { rows } = await pool.query(`select to_regnamespace('read_models_rebuilt') as left`)
    expect(rows).toEqual([{ left: null }])
  })
})
