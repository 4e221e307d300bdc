import type { ClientBase } from 'pg'
import type { EventStore, RecordedEvent } from '#eventstore'
import {
  foldEvents,
  foldOperations,
  foldTenants,
  isOfOperation,
  isOfTenantSettings,
  type KnownOperation,
  type KnownStream,
  type KnownTenant,
  type ParkedEvent,
} from '../projection/fold-events.ts'
import { type Changes, changesOf, writeAudit } from '../projection/audit.ts'
import type { StoreProjection } from '../projection/store-projection.ts'
import { applyRefusable, isRefusedData } from '../projection/apply.ts'
import {
  writeOperations,
  writeParked,
  writeStores,
  writeTenants,
} from '../projection/statements.ts'
import { writeCheckpoint } from '../projection/write-batch.ts'

/** The whole log folded in memory. */
interface FoldedLog {
  streams: Map<string, KnownStream>
  tenants: Map<string, KnownTenant>
  operations: Map<string, KnownOperation>
  parked: ParkedEvent[]
  events: number
  /** The last event in the fold; undefined when the log is empty. */
  last: { position: bigint; id: string } | undefined
}

const EVENTS_AT_ONCE = 1_000

interface FoldOptions {
  onProgress: (events: number) => void
  /** What is folded, piece by piece, with what each event changed. */
  onFolded: (events: RecordedEvent[], changes: Changes) => Promise<void>
}

/** Folds the log from its beginning to where it ends now. Needs about 2 KB of memory a store. */
export async function foldLog(
  store: EventStore,
  { onProgress, onFolded }: FoldOptions,
): Promise<FoldedLog> {
  const head = await store.head()
  const folded: FoldedLog = {
    streams: new Map(),
    tenants: new Map(),
    operations: new Map(),
    parked: [],
    events: 0,
    last: undefined,
  }
  if (head === undefined) return folded
  let chunk: RecordedEvent[] = []
  for await (const event of store.readAll()) {
    if (event.position > head.position) break
    chunk.push(event)
    if (chunk.length < EVENTS_AT_ONCE) continue
    await onFolded(chunk, fold(folded, chunk))
    chunk = []
    onProgress(folded.events)
  }
  await onFolded(chunk, fold(folded, chunk))
  return folded
}

function fold(folded: FoldedLog, events: RecordedEvent[]): Changes {
  const last = events.at(-1)
  if (last === undefined) return new Map()
  folded.events += events.length
  folded.last = { position: last.position, id: last.id }
  const ours = events.filter(({ stream }) => stream.startsWith('store-'))
  const stores = foldEvents(folded.streams, ours)
  const settings = foldTenants(folded.tenants, events.filter(isOfTenantSettings))
  const ofOperations = foldOperations(folded.operations, events.filter(isOfOperation))
  folded.parked.push(...stores.parked, ...settings.parked, ...ofOperations.parked)
  return changesOf([...stores.steps, ...settings.steps])
}

const ROWS_AT_ONCE = 5_000

/** Writes a fold into empty read models, in one transaction. A store whose row Postgres refuses is applied from its stream, event by event. */
export async function writeFold(
  client: ClientBase,
  { streams, tenants, operations, parked, last }: FoldedLog,
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
  await writeTenants(client, tenants)
  await writeOperations(client, operations)
  const isRefused = new Set(refused)
  await writeParked(
    client,
    parked.filter(({ event }) => !isRefused.has(event.stream)),
  )
  for (const stream of refused) {
    const events = await eventsOf(store, stream, last)
    // What was folded in memory is not what Postgres takes.
    await writeAudit(client, events, { changes: new Map(), replace: true })
    await applyRefusable(client, events)
  }
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
