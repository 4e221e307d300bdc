import type { ClientBase } from 'pg'
import { decodeApiKeyEvent, decodeOperationEvent, storeViewOf } from '#contracts'
import { apiKeyStreamPrefix, operationStreamPrefix, type TenantSettings } from '#domain'
import {
  auditedEvent,
  canonicalJson,
  type Change,
  differenceOf,
  type EventStore,
  type RecordedEvent,
} from '#eventstore'
import {
  foldEvents,
  foldTenants,
  isOfTenantSettings,
  type KnownStream,
  type KnownTenant,
  type Step,
} from './fold-events.ts'
import type { StoreProjection } from './store-projection.ts'

/** What an event changed, by its position; an event that is parked has nothing here. */
export type Changes = Map<bigint, Record<string, Change>>

/** What each of these steps changed. */
export function changesOf(steps: Iterable<Step>): Changes {
  const changes: Changes = new Map()
  for (const step of steps) {
    const difference =
      'settings' in step
        ? differenceOf(shownSettings(step.settings.before), shownSettings(step.settings.after))
        : differenceOf(shownStore(step.before), shownStore(step.after))
    changes.set(step.event.position, difference)
  }
  return changes
}

const shownSettings = ({ limits, suspended }: TenantSettings) => ({ ...limits, suspended })

/** What may change of a store; the others are the same for good, or change with each event. */
function shownStore(projection: StoreProjection | undefined): object {
  if (projection === undefined) return {}
  const view = storeViewOf(projection.state, projection)
  const { name, engine, plan, labels, reference, parameters, status, url, chartVersion } = view
  const { upgrade, attempt, failure, deletedAt } = view
  const asked = { name, engine, plan, labels, reference, parameters }
  return { ...asked, status, url, chartVersion, upgrade, attempt, failure, deletedAt }
}

/** What an event changed of what is not folded here: each says all of it itself. */
function changesIn(event: RecordedEvent): Record<string, Change> {
  try {
    if (event.stream.startsWith(apiKeyStreamPrefix)) return changesOfKey(event)
    if (event.stream.startsWith(operationStreamPrefix)) return changesOfOperation(event)
    return {}
  } catch {
    return {}
  }
}

function changesOfKey(event: RecordedEvent): Record<string, Change> {
  const decoded = decodeApiKeyEvent(event)
  if (decoded?.type === 'ApiKeyRevoked') return differenceOf({}, decoded.data)
  if (decoded?.type !== 'ApiKeyCreated') return {}
  const { name, roles, expiresAt } = decoded.data
  return differenceOf({}, { name, roles, expiresAt })
}

/** Which stores it selected and what came of each is in the operation's results. */
function changesOfOperation(event: RecordedEvent): Record<string, Change> {
  const decoded = decodeOperationEvent(event)
  if (decoded?.type === 'OperationRequested') {
    const { action, plan, labels, filter, stores } = decoded.data
    return differenceOf({}, { action, plan, labels, filter, stores })
  }
  if (decoded?.type !== 'OperationEnded') return {}
  const { outcome, counts } = decoded.data
  return differenceOf({}, { outcome, counts })
}

/** Rows of events without a known change stay as they are, unless `replace` says otherwise. */
interface WriteOptions {
  changes: Changes
  replace?: boolean
}

/** Writes the audit rows of events, whatever they hold; Postgres refuses none of them. */
export async function writeAudit(
  client: ClientBase,
  events: RecordedEvent[],
  { changes, replace = false }: WriteOptions,
): Promise<void> {
  const isCertain = (event: RecordedEvent) => replace || changes.has(event.position)
  await writeRows(client, events.filter(isCertain), changes, 'update set entry = excluded.entry')
  const others = events.filter((event) => !isCertain(event))
  await writeRows(client, others, changes, 'nothing')
}

async function writeRows(
  client: ClientBase,
  events: RecordedEvent[],
  changes: Changes,
  onConflict: 'nothing' | 'update set entry = excluded.entry',
): Promise<void> {
  const rows = events.flatMap((event) => auditRow(event, changes) ?? [])
  if (rows.length === 0) return
  await client.query({
    name: `write-audit:${onConflict}`,
    text: `insert into audit (position, tenant_id, time, store_id, type, actor, correlation_id, entry)
           select position, tenant_id, time, store_id, type, actor, correlation_id, entry::json
           from json_to_recordset($1) as given(position bigint, tenant_id text, time timestamptz, store_id uuid,
             type text, actor text, correlation_id text, entry text)
           on conflict (position) do ${onConflict}`,
    values: [JSON.stringify(rows)],
  })
}

/** An index takes no more of a text than about 2,700 bytes, in UTF-8 up to three for each unit. */
const INDEXED_MAX = 200

/** As the columns of the table hold a text: none of what Postgres refuses. */
const indexed = (text: string): string =>
  text.slice(0, INDEXED_MAX).toWellFormed().replaceAll('\0', '\ufffd')

function auditRow(event: RecordedEvent, changes: Changes) {
  const audited = auditedEvent(event)
  if (audited === undefined) return undefined
  const { tenantId, storeId, actor, correlationId, asOperator, address, reason } = audited
  const { id, stream, revision, position, type, recordedAt: time } = event
  return {
    position: String(position),
    tenant_id: indexed(tenantId),
    time,
    store_id: storeId ?? null,
    type: indexed(type),
    // Tenants know workers under other names, so nobody looks for one of them.
    actor: indexed(actor.kind === 'worker' ? actor.kind : `${actor.kind}:${actor.id}`),
    correlation_id: indexed(correlationId),
    entry: canonicalJson({
      id,
      stream,
      revision: Number(revision),
      actor,
      asOperator,
      address,
      reason,
      changes: changes.get(position) ?? changesIn(event),
    }),
  }
}

/** The name of the checkpoint that is there when the table holds everything up to that of the read models. */
const filled = 'audit'
const nobody = '00000000-0000-0000-0000-000000000000'

/** Whether the table holds all that the read models hold; it does not in a database that is older than the table. */
export async function isFilled(client: ClientBase): Promise<boolean> {
  const found = await client.query('select from projection_checkpoints where name = $1', [filled])
  return found.rowCount === 1
}

export async function markFilled(client: ClientBase): Promise<void> {
  await client.query(
    `insert into projection_checkpoints (name, position, event_id) values ($1, 0, $2)
     on conflict (name) do nothing`,
    [filled, nobody],
  )
}

const EVENTS_AT_ONCE = 500

interface FillOptions {
  store: EventStore
  /** The read models hold all events up to here. */
  upTo: bigint
  signal: AbortSignal
  /** Gives each piece of the work a turn on the connection. */
  use: (work: (client: ClientBase) => Promise<void>) => Promise<void>
}

/** Writes the rows of all events that were projected before the table was there. Needs about 2 KB of memory a store. */
export async function fillAudit({ store, upTo, signal, use }: FillOptions): Promise<void> {
  const streams = new Map<string, KnownStream>()
  const tenants = new Map<string, KnownTenant>()
  let events: RecordedEvent[] = []
  const write = async () => {
    const steps = [
      ...foldEvents(
        streams,
        events.filter(({ stream }) => stream.startsWith('store-')),
      ).steps,
      ...foldTenants(tenants, events.filter(isOfTenantSettings)).steps,
    ]
    const changes = changesOf(steps)
    const batch = events
    events = []
    await use(async (client) => {
      for (const position of await parkedAmong(client, batch)) changes.delete(position)
      await writeAudit(client, batch, { changes })
    })
  }
  for await (const event of store.readAll({ signal })) {
    if (event.position > upTo) break
    events.push(event)
    if (events.length === EVENTS_AT_ONCE) await write()
  }
  await write()
  await use(markFilled)
}

async function parkedAmong(client: ClientBase, events: RecordedEvent[]): Promise<bigint[]> {
  const { rows } = await client.query<{ position: bigint }>(
    'select position from parked_events where position = any($1)',
    [events.map(({ position }) => position)],
  )
  return rows.map(({ position }) => position)
}
