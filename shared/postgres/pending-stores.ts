import type { Pool } from 'pg'

/** Ids of stores with work to be done that nothing has happened to for `olderThanMs`, longest silent first. */
export async function listPendingStores(
  pool: Pool,
  { olderThanMs, limit }: { olderThanMs: number; limit: number },
): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select id from stores
     where status in ('requested', 'provisioning', 'upgrading', 'cancelling', 'deleting')
       and updated_at < now() - $1 * interval '1 millisecond'
     order by updated_at, id limit $2`,
    [olderThanMs, limit],
  )
  return rows.map(({ id }) => id)
}
