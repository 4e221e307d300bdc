import * as fc from 'fast-check'
import { Client, type ClientBase } from 'pg'
import { expect, test } from 'vitest'
import { connectionConfig } from '#postgres'
import { testDatabase } from '#test/servers/test-database'
import { historyOf, recordedLog, uuidOf } from '#test/projector/recorded-log'
import { flush } from './write-batch.ts'

const choices = fc.array(fc.record({ store: fc.nat({ max: 8 }), choice: fc.nat({ max: 8 }) }), {
  minLength: 1,
  maxLength: 60,
})

test('counters equal COUNT(*), and rows do not depend on how the log was cut into batches', async () => {
  await using database = await connected()
  const { client } = database
  await fc.assert(
    fc.asyncProperty(choices, fc.array(fc.integer({ min: 1, max: 9 })), async (chosen, cuts) => {
      const log = recordedLog(historyOf(chosen))
      await clear(client)
      await flush(client, { events: log, from: undefined })
      const atOnce = await contents(client)
      await clear(client)
      for (const batch of batches(log, cuts))
        await flush(client, { events: batch, from: undefined })

      expect(await contents(client)).toEqual(atOnce)
      expect(await kept(client)).toEqual(await counted(client))
    }),
    { numRuns: 40 },
  )
})

test('an older event that is delivered again leaves the newer row alone', async () => {
  await using database = await connected()
  const { client } = database
  const log = recordedLog(historyOf([0, 1, 2].map((choice) => ({ store: 0, choice }))))
  await flush(client, { events: log, from: undefined })
  const before = await contents(client)
  // As if the checkpoint had been lost, which alone would leave the event out.
  await client.query('delete from projection_checkpoints')

  await flush(client, { events: log.slice(0, 2), from: undefined })

  expect(before.stores).toMatchObject([{ status: 'ready' }])
  expect(await contents(client)).toEqual(before)
})

test('a commit notifies with its position and the tenants whose stores changed', async () => {
  await using database = await connected()
  const { client } = database
  const payloads: unknown[] = []
  client.on('notification', ({ payload }) => void payloads.push(JSON.parse(payload ?? '')))
  await client.query('listen store_changes')
  const log = recordedLog(historyOf([{ store: 0, choice: 0 }]))
  const [event] = log
  if (event === undefined) throw new Error('one event was asked for')
  const other = { ...event, stream: 'tenant-t', id: uuidOf('x'), position: event.position + 1n }

  await flush(client, { events: log, from: undefined })
  await flush(client, { events: [other], from: undefined })

  const { rows } = await client.query('select distinct tenant_id from stores')
  expect(payloads).toEqual([
    { position: String(event.position), tenants: rows.map(({ tenant_id }) => tenant_id) },
    { position: String(other.position), tenants: [] },
  ])
})

test('a checkpoint that was set back stops the writer', async () => {
  await using database = await connected()
  const { client } = database
  const log = recordedLog(historyOf([{ store: 0, choice: 0 }]))
  await flush(client, { events: log, from: undefined })

  const late = flush(client, { events: log, from: 10_000n })

  await expect(late).rejects.toMatchObject({ code: 'CONCURRENT_MODIFICATION' })
})

test('an event that cannot be read is parked with all that follow in its stream, and with no other', async () => {
  await using database = await connected()
  const { client } = database
  const [good, bad] = [uuidOf('store 0'), uuidOf('store 1')]
  const asked = historyOf([
    { store: 0, choice: 0 },
    { store: 1, choice: 0 },
  ])
  const log = recordedLog([
    ...asked,
    { storeId: bad, type: 'StoreProvisioned', data: { attempt: 'one' } },
    { storeId: bad, type: 'DeletionRequested', data: { requestedAt: '2026-01-01T00:00:00Z' } },
    { storeId: good, type: 'DeletionRequested', data: { requestedAt: '2026-01-01T00:00:00Z' } },
  ])

  await flush(client, { events: log.slice(0, 3), from: undefined })
  await flush(client, { events: log.slice(3), from: undefined })

  const { stores, parked } = await contents(client)
  expect(stores).toMatchObject(
    [
      { id: bad, status: 'requested', revision: 0n },
      { id: good, status: 'deleting', revision: 1n },
    ].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  )
  expect(parked).toMatchObject([
    { stream: `store-${bad}`, revision: 1n, type: 'StoreProvisioned' },
    { stream: `store-${bad}`, revision: 2n, reason: 'follows a parked event' },
  ])
})

test.for([
  ['a NUL in a name', { name: 'a\u0000b' }],
  ['half a character in a name', { name: 'a\ud800' }],
  ['a year that Postgres does not have', { requestedAt: '0000-01-01T00:00:00Z' }],
  ['a tenant too long for an index', { tenantId: randomText(9_000) }],
] as const)('what Postgres refuses is parked, not tried for ever: %s', async ([, change]) => {
  await using database = await connected()
  const { client } = database
  const [first, second] = historyOf([
    { store: 0, choice: 0 },
    { store: 1, choice: 0 },
  ])
  if (first === undefined || second === undefined) throw new Error('two stores were asked for')
  const data = { ...first.data, ...change }

  await flush(client, { events: recordedLog([{ ...first, data }, second]), from: undefined })

  const { stores, parked } = await contents(client)
  expect(stores).toMatchObject([{ id: second.storeId }])
  expect(parked).toMatchObject([{ reason: expect.stringMatching(/^Postgres refused it: /) }])
})

function randomText(length: number): string {
  return Array.from({ length: length / 36 }, (_, index) => uuidOf(`part ${index}`)).join('')
}

async function connected() {
  const database = await testDatabase()
  const client = new Client(connectionConfig(database.url))
  client.on('error', () => {})
  await client.connect()
  return {
    client,
    async [Symbol.asyncDispose]() {
      await client.end()
      await database[Symbol.asyncDispose]()
    },
  }
}

async function clear(client: ClientBase): Promise<void> {
  await client.query('truncate stores, store_counts, parked_events, projection_checkpoints')
}

async function contents(client: ClientBase) {
  const stores = await client.query('select * from stores order by id')
  const counts = await client.query('select * from store_counts order by tenant_id, engine, status')
  const parked = await client.query('select * from parked_events order by position')
  return { stores: stores.rows, counts: counts.rows, parked: parked.rows }
}

async function kept(client: ClientBase) {
  const { rows } = await client.query(
    'select * from store_counts order by tenant_id, engine, status',
  )
  return rows
}

async function counted(client: ClientBase) {
  const { rows } = await client.query(
    `select tenant_id, engine, status, count(*) from stores
     group by 1, 2, 3 order by 1, 2, 3`,
  )
  return rows
}

function batches<T>(all: T[], cuts: number[]): T[][] {
  const result: T[][] = []
  for (let from = 0, index = 0; from < all.length; index++) {
    const length = cuts[index % cuts.length] ?? 5
    result.push(all.slice(from, from + length))
    from += length
  }
  return result
}
