import type { EventStore, RecordedEvent } from '#eventstore'
import type { ClientBase } from 'pg'
import type { StoreProjection } from '../../projections/store-projection.ts'
import { applyRefusable, isRefusedData } from '../../writing/apply-refusable.ts'
import { writeCheckpoint } from '../../writing/flush.ts'
import { writeParked, writeStores } from '../../writing/write-read-models.ts'
import type { FoldedLog } from './fold-log.ts'

const ROWS_AT_ONCE = 5_000

/** Writes a fold into empty read models, in one transaction. A store whose row Postgres refuses is applied from its stream, event by event. */
export async function writeFold(
  client: ClientBase,
  { streams, parked, last }: FoldedLog,
  store: EventStore,
): Promise<void> {
  await client.query('begin')
  const stores = [...streams].flatMap(([stream, { projection }]) =>
    projection === undefined ? [] : [{ stream, projection }],
  )
  const refused: string[] = []
  for (let from = 0; from < stores.length; from += ROWS_AT_ONCE)
    refused.push(...(await writeRows(client, stores.slice(from, from + ROWS_AT_ONCE))))
  await client.query(
    `insert into store_counts (tenant_id, engine, status, count)
     select tenant_id, engine, status, count(*) from stores group by tenant_id, engine, status`,
  )
  const isRefused = new Set(refused)
  await writeParked(
    client,
    parked.filter(({ event }) => !isRefused.has(event.stream)),
  )
  for (const stream of refused) await applyRefusable(client, await eventsOf(store, stream, last))
  if (last !== undefined) await writeCheckpoint(client, last)
  await client.query('commit')
}

/** Writes rows; returns the streams of those that were refused. */
async function writeRows(
  client: ClientBase,
  rows: { stream: string; projection: StoreProjection }[],
): Promise<string[]> {
  await client.query('savepoint rows')
  try {
    await writeStores(
      client,
      rows.map(({ projection }) => projection),
    )
    await client.query('release savepoint rows')
    return []
  } catch (error) {
    if (!isRefusedData(error)) throw error
    await client.query('rollback to savepoint rows')
  }
  const [only] = rows
  if (rows.length === 1 && only !== undefined) return [only.stream]
  const half = Math.ceil(rows.length / 2)
  return [
    ...(await writeRows(client, rows.slice(0, half))),
    ...(await writeRows(client, rows.slice(half))),
  ]
}

async function eventsOf(
  store: EventStore,
  stream: string,
  last: FoldedLog['last'],
): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for await (const event of store.readStream(stream))
    if (last !== undefined && event.position <= last.position) events.push(event)
  return events
}
