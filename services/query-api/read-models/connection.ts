import { DatabaseError, type QueryResultRow } from 'pg'
import { AppError } from '#domain'
import { type Pool, readCheckpoint } from '#postgres'

/** A statement that Postgres prepares once per connection. */
export interface Statement {
  name: string
  text: string
  values: unknown[]
}

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

// Tables and columns are missing while the projector migrates a new database.
const missingSchema = new Set(['42P01', '42703'])

async function translateErrors<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    const state = cause instanceof DatabaseError ? (cause.code ?? '') : ''
    if (state.startsWith('22'))
      throw new AppError('REQUEST_INVALID', 'A value of the request is out of range', { cause })
    // A wrong statement is our fault, not an outage.
    if (state.startsWith('42') && !missingSchema.has(state)) throw cause
    throw new AppError('DATABASE_UNAVAILABLE', 'The read models do not answer', {
      retryable: true,
      cause,
    })
  }
}
