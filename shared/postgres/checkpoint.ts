import type { ClientBase, Pool } from 'pg'

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
