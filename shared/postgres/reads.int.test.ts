import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { testDatabase } from '#test/servers/test-database'
import { openPool } from './pool.ts'
import {
  listPendingStores,
  notificationOf,
  readCheckpoint,
  type StoreChange,
  watchStoreChanges,
} from './reads.ts'

const logger = createLogger({ service: 'test', level: 'silent' })

test('pending stores are those with work that is due and silent for long enough, the longest silent first', async () => {
  await using opened = await pooled()
  const { pool } = opened
  const add = async (status: string, secondsAgo: number, state = {}) => {
    const id = randomUUID()
    await pool.query(
      `insert into stores (id, tenant_id, name, engine, status, created_at, updated_at, revision,
         position, view, state)
       values ($1, 't', 'n', 'medusa', $2, now(), now() - $3 * interval '1 second', 0, 1, '{}', $4)`,
      [id, status, secondsAgo, state],
    )
    return id
  }
  const deleting = await add('deleting', 100)
  const requested = await add('requested', 300)
  const provisioning = await add('provisioning', 200)
  const upgrading = await add('upgrading', 150)
  for (const status of ['ready', 'upgrade-failed', 'failed', 'deleted']) await add(status, 400)
  await add('cancelling', 1)
  const dueIn = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString()
  await add('requested', 500, { notBefore: dueIn(300) })
  await add('requested', 500, { notBefore: dueIn(-5) })

  const all = await listPendingStores(pool, { olderThanMs: 60_000, limit: 10 })
  const two = await listPendingStores(pool, { olderThanMs: 60_000, limit: 2 })

  expect(all).toEqual([requested, provisioning, upgrading, deleting])
  expect(two).toEqual([requested, provisioning])
})

test('a checkpoint is unknown before its first event, then its position and event', async () => {
  await using opened = await pooled()
  const { pool } = opened
  expect(await readCheckpoint(pool, 'stores')).toBeUndefined()
  const eventId = randomUUID()
  await pool.query(
    `insert into projection_checkpoints (name, position, event_id) values ('stores', 42, $1)`,
    [eventId],
  )

  expect(await readCheckpoint(pool, 'stores')).toMatchObject({ position: 42n, eventId })
})

test('a watcher is told of each commit, and after a lost connection that it may have missed some', async () => {
  await using opened = await pooled()
  const { pool, url } = opened
  const seen: (StoreChange | undefined)[] = []
  const stop = new AbortController()
  const onChange = (change: StoreChange | undefined) => void seen.push(change)
  const watching = watchStoreChanges({ url, logger, signal: stop.signal, onChange })
  await eventually(() => expect(seen).toEqual([undefined]))

  const change = { position: 7n, tenants: ['acme'] }
  await pool.query(`select pg_notify('store_changes', $1)`, [notificationOf(change)])
  await eventually(() => expect(seen).toEqual([undefined, change]))
  await pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and query like 'listen%'`,
  )
  await eventually(() => expect(seen).toEqual([undefined, change, undefined]))

  stop.abort()
  await watching
})

test('a notification of any number of tenants fits, and one that is no change asks to read', async () => {
  await using opened = await pooled()
  const { pool, url } = opened
  const seen: (StoreChange | undefined)[] = []
  const stop = new AbortController()
  const onChange = (change: StoreChange | undefined) => void seen.push(change)
  const watching = watchStoreChanges({ url, logger, signal: stop.signal, onChange })
  await eventually(() => expect(seen).toEqual([undefined]))
  const tenants = Array.from({ length: 1_000 }, (_, i) => `tenant-${i}`)

  for (const payload of [notificationOf({ position: 8n, tenants }), 'x'])
    await pool.query(`select pg_notify('store_changes', $1)`, [payload])

  await eventually(() => expect(seen).toEqual([undefined, { position: 8n }, undefined]))
  stop.abort()
  await watching
})

async function pooled() {
  const { url, ...database } = await testDatabase()
  const pool = openPool({ url, logger, max: 2 })
  return {
    url,
    pool,
    async [Symbol.asyncDispose]() {
      await pool.end()
      await database[Symbol.asyncDispose]()
    },
  }
}
