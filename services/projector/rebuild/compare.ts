import type { ClientBase } from 'pg'

/** A row that is not the same, byte for byte, in the live and the rebuilt read models; undefined where there is none. */
export interface Difference {
  table: string
  key: string
  live: Record<string, unknown> | undefined
  rebuilt: Record<string, unknown> | undefined
}

export interface Comparison {
  /** All rows that differ; `differences` lists the first of each table. */
  total: number
  differences: Difference[]
}

const LISTED_MAX = 100

/** Compares two schemas' read models row by row. `*<>` is PostgreSQL's comparison of the stored bytes. */
export async function compare(
  client: ClientBase,
  { live, rebuilt, withAudit }: { live: string; rebuilt: string; withAudit: boolean },
): Promise<Comparison> {
  const comparison: Comparison = { total: 0, differences: [] }
  for (const { table, key, columns } of compared) {
    // A projector is still filling it.
    if (table === 'audit' && !withAudit) continue
    const { rows } = await client.query<Difference & { total: bigint }>(
      `select '${table}' as "table", concat_ws(' ', ${key.map((name) => `coalesce(l.${name}, r.${name})`).join(', ')}) as key,
         to_jsonb(l) as live, to_jsonb(r) as rebuilt, count(*) over () as total
       from (select ${columns} from ${live}.${table}) l
       full join (select ${columns} from ${rebuilt}.${table}) r using (${key.join(', ')})
       where l.${key[0]} is null or r.${key[0]} is null or l *<> r
       order by key limit ${LISTED_MAX}`,
    )
    comparison.total += Number(rows[0]?.total ?? 0n)
    comparison.differences.push(...rows.map(differenceOf))
  }
  return comparison
}

const compared = [
  { table: 'stores', key: ['id'], columns: '*' },
  { table: 'store_counts', key: ['tenant_id', 'engine', 'status'], columns: '*' },
  { table: 'tenant_settings', key: ['tenant_id'], columns: '*' },
  { table: 'operations', key: ['id'], columns: '*' },
  { table: 'audit', key: ['position'], columns: '*' },
  {
    table: 'parked_events',
    key: ['position'],
    columns: 'position, event_id, stream, revision, type, reason',
  },
]

function differenceOf({ table, key, live, rebuilt }: Difference): Difference {
  return { table, key, live: live ?? undefined, rebuilt: rebuilt ?? undefined }
}
