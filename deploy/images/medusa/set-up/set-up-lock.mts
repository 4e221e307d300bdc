import type { Client } from 'pg'
import { APPLICATION, beginAnew, hasTables } from './beginning.mts'

const LOCK_WAIT = '6min'
/** `begun` has a row from before the first write into an empty database until its set-up is whole. */
const TABLES = `
  create schema if not exists storewright;
  create table if not exists storewright.set_up (version text primary key, done_at timestamptz not null default now());
  create table if not exists storewright.begun (at timestamptz not null default now());`

/** A database that was empty; one with somebody else's tables; one that a set-up has made whole before. */
export type Found = 'empty' | 'tables of others' | 'an earlier version'

/**
 * Runs `setUp` unless this version was set up before; of several pods one works and the others wait for it.
 * A database that was empty and whose set-up did not come to its end is emptied again: of what a broken-off
 * one has left nothing is built upon. Any other is never emptied. What is noted lies in a schema of its own,
 * so that a backup of the store carries it along. Closes the connection.
 */
export async function withSetUpLock(
  client: Client,
  version: string,
  setUp: (found: Found) => Promise<void>,
): Promise<'done' | 'was done before'> {
  try {
    await client.query(`set lock_timeout = '${LOCK_WAIT}'`)
    await client.query('select pg_advisory_lock(hashtext($1))', [APPLICATION])
    await client.query(TABLES)
    const { rows } = await client.query<{ version: string }>(
      'select version from storewright.set_up',
    )
    if (rows.some((row) => row.version === version)) return 'was done before'
    await setUp(rows.length > 0 ? 'an earlier version' : await begin(client))
    await client.query(`begin;
      delete from storewright.begun;
      insert into storewright.set_up (version) values (${client.escapeLiteral(version)});
      commit`)
    return 'done'
  } finally {
    await client.end()
  }
}

async function begin(client: Client): Promise<Found> {
  const { rowCount } = await client.query('select 1 from storewright.begun')
  if (rowCount) await beginAnew(client)
  else if (await hasTables(client)) return 'tables of others'
  else await client.query('insert into storewright.begun default values')
  return 'empty'
}
