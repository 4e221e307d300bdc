import { setTimeout as wait } from 'node:timers/promises'
import { Client, type ClientBase, type Pool } from 'pg'
import { z } from 'zod'
import type { OperationFilter, StoreStatus } from '#domain'
import type { Logger } from '#observability'
import { connectionConfig, prepared, translateErrors, watchShutdown } from './pool.ts'

/** Notified in every transaction that changes the read models; the payload is a StoreChange. */
export const storeChangesChannel = 'store_changes'

/** What a commit of the projector did. */
export interface StoreChange {
  /** Position in the log that the read models have reached. */
  position: bigint
  /** Tenants whose stores changed; undefined: any may have. */
  tenants?: readonly string[] | undefined
}

/** PostgreSQL refuses a payload of 8,000 bytes. */
const PAYLOAD_MAX = 7_900

/** The payload for a change; one with too many tenants names none, so that all listeners read. */
export function notificationOf(change: {
  position: bigint
  tenants?: Iterable<string> | undefined
}): string {
  const position = String(change.position)
  const tenants = change.tenants === undefined ? undefined : [...change.tenants]
  const payload = JSON.stringify({ position, tenants })
  return Buffer.byteLength(payload) <= PAYLOAD_MAX ? payload : JSON.stringify({ position })
}

const notification = z.object({
  position: z.string().regex(/^\d+$/).transform(BigInt),
  tenants: z.array(z.string()).optional(),
})

/** The change a payload names; undefined for one that was not written by a projector. */
function changeOf(payload: string): StoreChange | undefined {
  try {
    return notification.parse(JSON.parse(payload))
  } catch {
    return undefined
  }
}

const RETRY_MS = 1_000
const LOOK_EVERY_MS = 5_000

/**
 * Calls `onChange` after each commit of the projector, and with undefined after a reconnect, when notifications may
 * have been missed. Reconnects until the signal is aborted.
 */
export async function watchStoreChanges(options: {
  url: string
  logger: Logger
  signal: AbortSignal
  onChange: (change: StoreChange | undefined) => void
  /** How often a new connection shows whether PostgreSQL is shutting down. */
  probeEveryMs?: number
}): Promise<void> {
  const { logger, signal } = options
  while (!signal.aborted) {
    try {
      await listen(options)
    } catch (err) {
      if (!signal.aborted) logger.warn({ err }, 'store changes cannot be watched; trying again')
    }
    await wait(RETRY_MS, undefined, { signal }).catch(() => {})
  }
}

async function listen(options: Parameters<typeof watchStoreChanges>[0]): Promise<void> {
  const { url, signal, onChange, probeEveryMs } = options
  const client = new Client({ ...connectionConfig(url), query_timeout: LOOK_EVERY_MS })
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {})
  client.on('error', lost.reject)
  client.on('end', () => lost.reject(new Error('The connection ended')))
  client.on('notification', ({ payload }) => onChange(changeOf(payload ?? '')))
  const ended = new AbortController()
  try {
    await client.connect()
    void watchShutdown({
      url,
      everyMs: probeEveryMs,
      signal: AbortSignal.any([signal, ended.signal]),
      onShutdown: lost.reject,
    })
    await client.query(`listen ${storeChangesChannel}`)
    onChange(undefined)
    while (!signal.aborted) {
      await Promise.race([wait(LOOK_EVERY_MS, undefined, { signal, ref: false }), lost.promise])
      // A dead peer sends nothing; a query detects it.
      await client.query('select 1')
    }
  } finally {
    ended.abort()
    await client.end().catch(() => {})
  }
}

/**
 * Ids of stores with due work and no event for `olderThanMs`, the oldest first.
 * A store that waits for its next attempt is not among them.
 */
export async function listPendingStores(
  pool: Pool,
  { olderThanMs, limit }: { olderThanMs: number; limit: number },
): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select id from stores
     where status in ('requested', 'provisioning', 'upgrading', 'cancelling', 'deleting')
       and updated_at < now() - $1 * interval '1 millisecond'
       and coalesce((state ->> 'notBefore')::timestamptz, '-infinity')
         < now() - $1 * interval '1 millisecond'
     order by updated_at, id limit $2`,
    [olderThanMs, limit],
  )
  return rows.map(({ id }) => id)
}

/** A tenant that waits for a provisioner, or the one that was asked for. */
export interface WaitingTenant {
  tenantId: string
  /** Its stores that are being provisioned. */
  busy: number
  /** Its oldest store that waits and is due; null when there is none. */
  storeId: string | null
}

const WAITING_MAX = 50

/** The tenants with a store that waits for its provisioning, those with the least in progress first; and this tenant. */
export async function listWaiting(pool: Pool, tenantId: string): Promise<WaitingTenant[]> {
  const { rows } = await pool.query<WaitingTenant>({
    name: 'list-waiting',
    text: `with load as (
             select tenant_id, coalesce(sum(count) filter (where status = 'provisioning'), 0)::int as busy
             from store_counts where status in ('requested', 'provisioning') group by tenant_id)
           select load.tenant_id as "tenantId", load.busy, first.id as "storeId"
           from load left join lateral (
             select id, created_at from stores s
             where s.tenant_id = load.tenant_id and s.status = 'requested'
               and coalesce((s.state ->> 'notBefore')::timestamptz, '-infinity') <= now()
             order by created_at, id limit 1) first on true
           where first.id is not null or load.tenant_id = $1
           order by load.tenant_id = $1 desc, load.busy, first.created_at
           limit ${WAITING_MAX}`,
    values: [tenantId],
  })
  return rows
}

/** The filters of a list, beside the tenant. */
type StoreFilter = Omit<OperationFilter, 'status'> & { status?: StoreStatus | undefined }

const conditionOf: Record<keyof StoreFilter, (at: string) => string> = {
  status: (at) => `status = ${at}`,
  engine: (at) => `engine = ${at}`,
  q: (at) => `strpos(lower(name), lower(${at})) > 0`,
  plan: (at) => `view ->> 'plan' = ${at}`,
  reference: (at) => `view ->> 'reference' = ${at}`,
  label: (at) => `view -> 'labels' @> ${at}::jsonb`,
  createdAfter: (at) => `created_at >= ${at}::timestamptz`,
  createdBefore: (at) => `created_at < ${at}::timestamptz`,
  updatedAfter: (at) => `updated_at >= ${at}::timestamptz`,
}

const times = new Set(['createdAfter', 'createdBefore', 'updatedAfter'])

/** As PostgreSQL takes it: a time in UTC, for it knows no zone of 16 hours. */
const valueOf = (key: string, value: unknown): unknown => {
  if (key === 'label') return JSON.stringify(value)
  return times.has(key) ? new Date(String(value)).toISOString() : value
}

/** The conditions on rows of `stores` that a filter stands for, and their values. */
export function storeConditions(tenantId: string, filter: object) {
  const values: unknown[] = []
  const put = (value: unknown) => `$${values.push(value)}`
  const conditions = [`tenant_id = ${put(tenantId)}`]
  const given = new Map<string, unknown>(Object.entries(filter))
  // Said as it is in the indexes: they hold no deleted stores.
  if (given.get('status') !== 'deleted') conditions.push(`status <> 'deleted'`)
  for (const [key, condition] of Object.entries(conditionOf)) {
    const value = given.get(key)
    if (value !== undefined) conditions.push(condition(put(valueOf(key, value))))
  }
  return { values, conditions, put }
}

/** Stores as the read models have them at one position. */
export interface SelectedStores {
  position: bigint
  count: number
  /** The first of them, the oldest first. */
  ids: string[]
}

/** The stores that a filter matches, by one statement, and so at one position. Throws DATABASE_UNAVAILABLE. */
export async function selectStores(
  pool: Pool,
  { tenantId, filter, limit }: { tenantId: string; filter: object; limit: number },
): Promise<SelectedStores> {
  const { values, conditions, put } = storeConditions(tenantId, filter)
  const found = `from stores where ${conditions.join(' and ')}`
  const text = `select coalesce((select position from projection_checkpoints where name = 'stores'), 0) as position,
      (select count(*)::int ${found}) as count,
      array(select id ${found} order by created_at, id limit ${put(limit)})::text[] as ids`
  return translateErrors(async () => {
    const [row] = (await pool.query<SelectedStores>(prepared(text, values))).rows
    return row ?? { position: 0n, count: 0, ids: [] }
  })
}

export interface Checkpoint {
  /** Position in the log of the last event the projection holds. */
  position: bigint
  eventId: string
  /** ISO 8601 UTC */
  updatedAt: string
}

/** How far the projection of that name has read; undefined before its first event. */
export async function readCheckpoint(
  db: Pool | ClientBase,
  name: string,
): Promise<Checkpoint | undefined> {
  const { rows } = await db.query<Checkpoint>(
    `select position, event_id as "eventId", updated_at as "updatedAt"
     from projection_checkpoints where name = $1`,
    [name],
  )
  return rows[0]
}
