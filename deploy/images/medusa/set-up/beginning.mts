import type { Client } from 'pg'
import { forgetEverything } from './redis.mts'

/** The name a set-up's own connections have in PostgreSQL. */
export const APPLICATION = 'storewright set-up'

/** Whether anything is kept where Medusa keeps its tables. */
export async function hasTables(client: Client): Promise<boolean> {
  const query = `select 1 from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE' limit 1`
  const { rowCount } = await client.query(query)
  return Boolean(rowCount)
}

/**
 * Empties database and Redis of a store that was never whole. What programs of the broken-off set-up may still
 * have open is ended first; other pods, which wait for the lock, are left alone.
 */
export async function beginAnew(client: Client): Promise<void> {
  const others = `select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and usename = current_user and application_name <> $1`
  await client.query(others, [APPLICATION])
  await forgetEverything()
  await client.query('begin; drop schema public cascade; create schema public; commit')
}
