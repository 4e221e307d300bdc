import type { Logger } from '#observability'
import { Pool, type ClientConfig } from 'pg'
import { columnTypes } from './column-types.ts'

export type { Pool } from 'pg'

export interface PoolOptions {
  /** `postgres://user:password@host:port/database` */
  url: string
  logger: Logger
  /** Connections at most. */
  max?: number
}

/** Opens a pool whose queries always end: no server, no error and no frozen backend can make one hang or end the process. */
export function openPool({ url, logger, max = 10 }: PoolOptions): Pool {
  const pool = new Pool({ ...connectionConfig(url), max, idleTimeoutMillis: 30_000 })
  const lost = (err: Error) => logger.warn({ err }, 'a connection to Postgres was lost')
  pool.on('error', lost)
  // The pool listens on idle clients only; an error on one that is checked out would end the process.
  pool.on('connect', (client) => client.on('error', lost))
  return pool
}

/** What every connection has: UTC, times as text, limits on both ends. */
export function connectionConfig(url: string): ClientConfig {
  return {
    connectionString: url,
    application_name: 'storewright',
    connectionTimeoutMillis: 5_000,
    // The server ends a slow statement; this end gives up on a server that does not answer.
    statement_timeout: 29_000,
    query_timeout: 30_000,
    idle_in_transaction_session_timeout: 30_000,
    keepAlive: true,
    options: '-c timezone=UTC',
    types: columnTypes,
  }
}
