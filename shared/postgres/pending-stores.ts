import type { Pool } from 'pg'

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
