import type { ClientBase } from 'pg'
import { type StoreView, storeViewOf } from '#contracts'
import type { RecordedEvent } from '#eventstore'
import { nothingSet, operationIdOfStream, tenantIdOfStream, type TenantSettings } from '#domain'
import {
  type CountChange,
  type FoldedOperation,
  type KnownOperation,
  type KnownStream,
  type KnownTenant,
  operationRows,
  type ParkedEvent,
} from './fold-events.ts'
import { storeIdOfStream, type StoreProjection } from './store-projection.ts'

/** A row of `stores`, as JSON carries it to Postgres. */
export interface StoreRow {
  id: string
  /** Queries filter by these, or sort by them. */
  tenant_id: string
  name: string
  engine: string
  status: string
  created_at: string
  updated_at: string
  revision: string
  position: string
  /** What the API shows. */
  view: StoreView
  /** The fold, so that it can go on. */
  state: StoreProjection['state']
}

/** The row of a store; every column follows from the projection alone. */
export function storeRow({ state, revision, position, updatedAt }: StoreProjection): StoreRow {
  const { storeId, tenantId, name, engine, requestedAt } = state.request
  return {
    id: storeId,
    tenant_id: tenantId,
    name,
    engine,
    status: state.status,
    created_at: requestedAt,
    updated_at: updatedAt,
    revision: String(revision),
    position: String(position),
    view: storeViewOf(state, { updatedAt, revision }),
    state,
  }
}

/** Inserts or replaces rows of stores; a row that is newer stays. One statement for any number of rows. */
export async function writeStores(client: ClientBase, stores: StoreProjection[]): Promise<void> {
  if (stores.length === 0) return
  await client.query({
    name: 'write-stores',
    text: writeStoresText,
    values: [JSON.stringify(stores.map(storeRow))],
  })
}

/** Applies changes of counters; a counter of 0 is removed, so that equal stores mean equal counters. */
export async function writeCounts(client: ClientBase, changes: CountChange[]): Promise<void> {
  if (changes.length === 0) return
  await client.query({
    name: 'write-counts',
    text: `insert into store_counts as held (tenant_id, engine, status, count)
           select tenant_id, engine, status, change from json_to_recordset($1)
             as given(tenant_id text, engine text, status text, change bigint)
           on conflict (tenant_id, engine, status)
           do update set count = held.count + excluded.count`,
    values: [JSON.stringify(changes)],
  })
  const lowered = changes.filter(({ change }) => change < 0)
  if (lowered.length === 0) return
  await client.query({
    name: 'remove-counts',
    text: `delete from store_counts held using json_to_recordset($1)
             as given(tenant_id text, engine text, status text)
           where held.count = 0 and held.tenant_id = given.tenant_id
             and held.engine = given.engine and held.status = given.status`,
    values: [JSON.stringify(lowered)],
  })
}

/** Inserts or replaces what is set for tenants; a row that is newer stays. */
export async function writeTenants(
  client: ClientBase,
  tenants: Map<string, KnownTenant>,
): Promise<void> {
  const rows = [...tenants].flatMap(([stream, { settings, revision }]) =>
    revision === undefined
      ? []
      : [{ tenant_id: tenantIdOfStream(stream), settings, revision: String(revision) }],
  )
  if (rows.length === 0) return
  await client.query({
    name: 'write-tenants',
    text: `insert into tenant_settings as held (tenant_id, settings, revision)
           select tenant_id, settings, revision from json_to_recordset($1)
             as given(tenant_id text, settings jsonb, revision bigint)
           on conflict (tenant_id) do update
           set settings = excluded.settings, revision = excluded.revision
           where held.revision < excluded.revision`,
    values: [JSON.stringify(rows)],
  })
}

/** What the read models hold of the tenants that the events belong to. */
export async function readTenants(
  client: ClientBase,
  events: RecordedEvent[],
): Promise<Map<string, KnownTenant>> {
  const streams = [...new Set(events.map(({ stream }) => stream))]
  const { rows } = await client.query<{
    stream: string
    settings: TenantSettings | null
    revision: bigint | null
    parked: boolean
  }>({
    name: 'read-tenants',
    text: `select given.stream, t.settings, t.revision,
             exists (select from parked_events p where p.stream = given.stream) as parked
           from unnest($1::text[], $2::text[]) as given(stream, tenant_id)
           left join tenant_settings t on t.tenant_id = given.tenant_id`,
    values: [streams, streams.map(tenantIdOfStream)],
  })
  return new Map(
    rows.map(({ stream, settings, revision, parked }) => [
      stream,
      { settings: settings ?? nothingSet, parked, ...(revision !== null && { revision }) },
    ]),
  )
}

/** Inserts or replaces rows of operations; a row that is newer stays. */
export async function writeOperations(
  client: ClientBase,
  operations: Map<string, KnownOperation>,
): Promise<void> {
  const rows = operationRows(operations)
  if (rows.length === 0) return
  await client.query({
    name: 'write-operations',
    text: `insert into operations as held select * from json_populate_recordset(null::operations, $1)
           on conflict (id) do update set status = excluded.status, revision = excluded.revision,
             view = excluded.view, state = excluded.state where held.revision < excluded.revision`,
    values: [JSON.stringify(rows)],
  })
}

/** What the read models hold of the operations that the events belong to. */
export async function readOperations(
  client: ClientBase,
  events: RecordedEvent[],
): Promise<Map<string, KnownOperation>> {
  const streams = [...new Set(events.map(({ stream }) => stream))]
  const { rows } = await client.query<{
    stream: string
    state: Omit<FoldedOperation, 'revision'> | null
    revision: bigint
    parked: boolean
  }>({
    name: 'read-operations',
    text: `select given.stream, o.state, o.revision,
             exists (select from parked_events p where p.stream = given.stream) as parked
           from unnest($1::text[], $2::uuid[]) as given(stream, id)
           left join operations o on o.id = given.id`,
    values: [streams, streams.map((stream) => operationIdOfStream(stream) ?? null)],
  })
  return new Map(
    rows.map(({ stream, state, revision, parked }) => [
      stream,
      { parked, ...(state !== null && { operation: { ...state, revision } }) },
    ]),
  )
}

/** Parks events: what could not be projected stays visible, and can be projected later. */
export async function writeParked(client: ClientBase, parked: ParkedEvent[]): Promise<void> {
  if (parked.length === 0) return
  const rows = parked.map(({ event, reason }) => ({
    position: String(event.position),
    event_id: event.id,
    stream: event.stream,
    revision: String(event.revision),
    type: event.type,
    reason,
  }))
  await client.query({
    name: 'write-parked',
    text: `insert into parked_events (position, event_id, stream, revision, type, reason)
           select position, event_id, stream, revision, type, reason from json_to_recordset($1)
             as given(position bigint, event_id uuid, stream text, revision bigint, type text, reason text)
           on conflict (position) do nothing`,
    values: [JSON.stringify(rows)],
  })
}

const columns: Record<keyof StoreRow, string> = {
  id: 'uuid',
  tenant_id: 'text',
  name: 'text',
  engine: 'text',
  status: 'text',
  created_at: 'timestamptz',
  updated_at: 'timestamptz',
  revision: 'bigint',
  position: 'bigint',
  view: 'jsonb',
  state: 'jsonb',
}
const names = Object.keys(columns)
const typed = Object.entries(columns).map((column) => column.join(' '))
const writeStoresText = `
  insert into stores as held (${names.join(', ')})
  select ${names.join(', ')} from json_to_recordset($1) as given(${typed.join(', ')})
  on conflict (id) do update set ${names.map((name) => `${name} = excluded.${name}`).join(', ')}
  where held.revision < excluded.revision`

interface KnownRow {
  stream: string
  parked: boolean
  state: StoreProjection['state'] | null
  revision: bigint
  position: bigint
  updatedAt: string
}

/** What the read models hold of the streams that the events belong to. */
export async function readKnown(
  client: ClientBase,
  events: RecordedEvent[],
): Promise<Map<string, KnownStream>> {
  const streams = [...new Set(events.map(({ stream }) => stream))]
  const { rows } = await client.query<KnownRow>({
    name: 'read-known',
    text: `select given.stream, s.state, s.revision, s.position, s.updated_at as "updatedAt",
             exists (select from parked_events p where p.stream = given.stream) as parked
           from unnest($1::text[], $2::uuid[]) as given(stream, id)
           left join stores s on s.id = given.id`,
    values: [streams, streams.map((stream) => storeIdOfStream(stream) ?? null)],
  })
  return new Map(rows.map((row) => [row.stream, knownOf(row)]))
}

function knownOf({ state, revision, position, updatedAt, parked }: KnownRow): KnownStream {
  if (state === null) return { parked }
  return { parked, projection: { state, revision, position, updatedAt } }
}
