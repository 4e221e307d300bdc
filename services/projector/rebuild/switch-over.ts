import type { ClientBase } from 'pg'
import { projection, writeCheckpoint } from '../write/write-batch.ts'

const tables = ['stores', 'store_counts', 'parked_events']

/** Replaces the live tables by the rebuilt ones and keeps their grants; in the caller's transaction. */
export async function switchOver(
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
