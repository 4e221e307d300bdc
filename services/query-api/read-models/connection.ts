import type { QueryResultRow } from 'pg'
import { AppError } from '#domain'
import type { Pool } from '#postgres'

/** A statement that Postgres prepares once per connection. */
export interface Statement {
  name: string
  text: string
  values: unknown[]
}

export interface ReadModels {
  /** The rows of a statement. Throws DATABASE_UNAVAILABLE. */
  query: <Row extends QueryResultRow>(statement: Statement) => Promise<Row[]>
}

export function readModels(pool: Pool): ReadModels {
  return {
    query: async <Row extends QueryResultRow>(statement: Statement) => {
      try {
        const { rows } = await pool.query<Row>(statement)
        return rows
      } catch (cause) {
        throw new AppError('DATABASE_UNAVAILABLE', 'The read models do not answer', {
          retryable: true,
          cause,
        })
      }
    },
  }
}
