import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import {
  Client,
  type ClientConfig,
  type CustomTypesConfig,
  DatabaseError,
  Pool,
  type PoolClient,
  types,
} from 'pg'
import { AppError } from '#domain'
import type { Logger } from '#observability'

export type { Pool } from 'pg'

export interface PoolOptions {
  /** `postgres://user:password@host:port/database` */
  url: string
  logger: Logger
  /** Connections at most. */
  max?: number
  /** A connection is replaced after this time, so that a server which takes no new ones is noticed. */
  lifetimeSeconds?: number
}

/** Opens a pool whose queries always end: no server, no error and no frozen backend can make one hang or end the process. */
export function openPool({ url, logger, max = 10, lifetimeSeconds = 30 }: PoolOptions): Pool {
  const pool = new Pool({
    ...connectionConfig(url),
    max,
    idleTimeoutMillis: 30_000,
    maxLifetimeSeconds: lifetimeSeconds,
  })
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

/** SQLSTATE of a server that is shutting down, which waits until its clients have left. */
const CANNOT_CONNECT_NOW = '57P03'

/**
 * For holders of a long session: opens a connection at an interval, and calls `onShutdown` once when the server
 * refuses it because it is shutting down. Ends on abort.
 */
export async function watchShutdown(options: {
  url: string
  everyMs?: number | undefined
  signal: AbortSignal
  onShutdown: (error: Error) => void
}): Promise<void> {
  const { url, everyMs = 30_000, signal, onShutdown } = options
  while (!signal.aborted) {
    await wait(everyMs, undefined, { signal, ref: false }).catch(() => {})
    if (signal.aborted) return
    const refusal = await refusalOf(url)
    if (refusal !== undefined) return onShutdown(refusal)
  }
}

async function refusalOf(url: string): Promise<Error | undefined> {
  const client = new Client(connectionConfig(url))
  // The attempt to connect reports the error.
  client.on('error', () => {})
  try {
    await client.connect()
    return undefined
  } catch (error) {
    const isShutdown = error instanceof DatabaseError && error.code === CANNOT_CONNECT_NOW
    return isShutdown ? error : undefined
  } finally {
    await client.end().catch(() => {})
  }
}

const timestamptz: number = types.builtins.TIMESTAMPTZ
const int8: number = types.builtins.INT8

/** How columns arrive: `timestamptz` as ISO 8601 UTC text, `bigint` as a bigint, everything else as pg has it. */
const columnTypes: CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => {
    if (format === 'binary') return types.getTypeParser(oid, 'binary')
    if (oid === timestamptz) return isoTime
    if (oid === int8) return BigInt
    return types.getTypeParser(oid, 'text')
  },
}

/** PostgreSQL's `2026-01-01 00:00:00.5+00` as `2026-01-01T00:00:00.500Z`; no Date is made on the way. */
function isoTime(text: string): string {
  if (!text.endsWith('+00') || text.length < 22) return new Date(text).toISOString()
  const seconds = text.slice(0, -3)
  const fraction = seconds.length > 19 ? seconds.slice(20).padEnd(3, '0') : '000'
  return `${seconds.slice(0, 10)}T${seconds.slice(11, 19)}.${fraction}Z`
}

/** Runs `work` in one transaction. After any error the connection is thrown away: its state is unknown. */
export async function withTransaction<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    client.release()
    return result
  } catch (error) {
    client.release(true)
    throw error
  }
}

// Tables and columns are missing while the projector migrates a new database.
const missingSchema = new Set(['42P01', '42703'])

/** What a read of the read models gives. Throws DATABASE_UNAVAILABLE, or REQUEST_INVALID for a value that PostgreSQL refuses. */
export async function translateErrors<T>(read: () => Promise<T>): Promise<T> {
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

/** A statement that PostgreSQL prepares once per connection. */
export interface Statement {
  name: string
  text: string
  values: unknown[]
}

/** One for a text that is put together: its name is of the text, since PostgreSQL tells names apart by 63 bytes only. */
export function prepared(text: string, values: unknown[]): Statement {
  return { name: createHash('sha256').update(text).digest('hex').slice(0, 32), text, values }
}
