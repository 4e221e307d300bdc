import type { Client, ClientBase } from 'pg'
import type { EventStore } from '#eventstore'
import { migrate } from '#postgres'
import { type Basis, bringToOnePosition, checkpointIn, followLive } from './catch-up.ts'
import { compare, type Comparison } from './compare.ts'
import { foldLog, writeFold } from './fold-log.ts'
import { LIVE, openSession, REBUILT } from './session.ts'
import { isFilled, markFilled, writeAudit } from '../projection/audit.ts'
import { projection, writeCheckpoint } from '../projection/write-batch.ts'

export interface RebuildOptions {
  databaseUrl: string
  store: EventStore
  /** Switch although the rebuilt read models differ from the live ones. */
  accept: boolean
  onProgress?: (events: number) => void
}

export interface RebuildResult extends Comparison {
  basis: Basis
  /** Events folded, and where the log was compared. */
  events: number
  position: bigint | undefined
  switched: boolean
}

/**
 * Builds the read models again from the log beside the live ones, compares both at one position and switches
 * in the same transaction, unless they differ. The projector may run: it waits while that transaction lasts.
 */
export async function rebuildReadModels(options: RebuildOptions): Promise<RebuildResult> {
  const { databaseUrl } = options
  await using session = await openSession(databaseUrl)
  const { client } = session
  await migrate(databaseUrl)
  await client.query(`drop schema if exists ${REBUILT} cascade`)
  await migrate(databaseUrl, { schema: REBUILT })
  try {
    const result = await rebuild(client, options)
    await discard(client)
    return result
  } catch (error) {
    await client.query('rollback').catch(() => {})
    await discard(client).catch(() => {})
    throw error
  }
}

async function rebuild(client: Client, options: RebuildOptions): Promise<RebuildResult> {
  const { store, onProgress = () => {} } = options
  await client.query(`set search_path to ${REBUILT}`)
  const folded = await foldLog(store, {
    onProgress,
    onFolded: (events, changes) => writeAudit(client, events, { changes }),
  })
  await writeFold(client, folded, store)
  folded.streams.clear()
  // Events that arrived during the fold, so that the projector waits only briefly.
  await client.query('begin')
  await followLive(client, store)
  await client.query('commit')
  return { events: folded.events, ...(await compareAndSwitch(client, options)) }
}

async function compareAndSwitch(
  client: Client,
  { store, accept }: RebuildOptions,
): Promise<Omit<RebuildResult, 'events'>> {
  await client.query('begin')
  // From here to the end of this transaction no projector writes; readers go on.
  await client.query(`lock table ${LIVE}.projection_checkpoints in exclusive mode`)
  const basis = await bringToOnePosition(client, store)
  await client.query(`set local search_path to ${LIVE}`)
  const withAudit = await isFilled(client)
  const comparison = await compare(client, { live: LIVE, rebuilt: REBUILT, withAudit })
  const position = (await checkpointIn(client, REBUILT))?.position
  const switched = comparison.total === 0 || basis === 'none' || accept
  if (switched) {
    await client.query(`set local lock_timeout = '10s'`)
    await switchOver(client, { live: LIVE, rebuilt: REBUILT })
  }
  await client.query(switched ? 'commit' : 'rollback')
  if (basis === 'none') return { basis, total: 0, differences: [], position, switched }
  return { basis, ...comparison, position, switched }
}

async function discard(client: Client): Promise<void> {
  await client.query(`drop schema if exists ${REBUILT} cascade`)
}

const tables = ['stores', 'store_counts', 'tenant_settings', 'operations', 'audit', 'parked_events']

/** Replaces the live tables by the rebuilt ones and keeps their grants; in the caller's transaction. */
async function switchOver(
  client: ClientBase,
  { live, rebuilt }: { live: string; rebuilt: string },
): Promise<void> {
  await client.query(
    `update ${rebuilt}.parked_events r set parked_at = l.parked_at
     from ${live}.parked_events l where l.position = r.position`,
  )
  for (const table of tables) {
    const grants = await grantsOn(client, live, table)
    await client.query(`drop table ${live}.${table}`)
    await client.query(`alter table ${rebuilt}.${table} set schema ${live}`)
    for (const grant of grants) await client.query(grant)
  }
  const { rows } = await client.query<{ position: bigint; id: string }>(
    `select position, event_id as id from ${rebuilt}.projection_checkpoints where name = $1`,
    [projection],
  )
  await client.query(`set local search_path to ${live}`)
  const [last] = rows
  if (last !== undefined) await writeCheckpoint(client, last)
  else await client.query('delete from projection_checkpoints where name = $1', [projection])
  await markFilled(client)
}

async function grantsOn(client: ClientBase, schema: string, table: string): Promise<string[]> {
  const { rows } = await client.query<{ statement: string }>(
    `select format('grant %s on %I.%I to %s', a.privilege_type, $1::text, $2::text,
       case a.grantee when 0 then 'public' else a.grantee::regrole::text end) as statement
     from pg_class c, aclexplode(c.relacl) a
     where c.oid = to_regclass(format('%I.%I', $1::text, $2::text)) and a.grantee <> c.relowner`,
    [schema, table],
  )
  return rows.map(({ statement }) => statement)
}
