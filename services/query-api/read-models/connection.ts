import type { QueryResultRow } from 'pg'
import { type Pool, readCheckpoint, translateErrors, type Statement } from '#postgres'

export interface ReadModels {
  /** The rows of a statement. Throws DATABASE_UNAVAILABLE, or REQUEST_INVALID for a value that PostgreSQL refuses. */
  query: <Row extends QueryResultRow>(statement: Statement) => Promise<Row[]>
  /** The position in the log of the last event they hold; 0 when they are empty. Throws DATABASE_UNAVAILABLE. */
  readPosition: () => Promise<bigint>
}

export function readModels(pool: Pool): ReadModels {
  return {
    query: <Row extends QueryResultRow>(statement: Statement) =>
      translateErrors(async () => (await pool.query<Row>(statement)).rows),
    readPosition: () =>
      translateErrors(async () => (await readCheckpoint(pool, 'stores'))?.position ?? 0n),
  }
}
