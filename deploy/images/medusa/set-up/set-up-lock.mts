import type { Client } from 'pg'

const LOCK = 'storewright set-up'
const LOCK_WAIT = '6min'

/**
 * Runs `setUp` unless this version was set up before; of several pods one works and the others wait for it.
 * Kept in a schema of its own, so that a backup of the store carries it along. Closes the connection.
 */
export async function withSetUpLock(
  client: Client,
  version: string,
  setUp: () => Promise<void>,
): Promise<'done' | 'was done before'> {
  try {
    await client.query(`set lock_timeout = '${LOCK_WAIT}'`)
    await client.query('select pg_advisory_lock(hashtext($1))', [LOCK])
    await client.query('create schema if not exists storewright')
    await client.query(`create table if not exists storewright.set_up
      (version text primary key, done_at timestamptz not null default now())`)
    const query = 'select 1 from storewright.set_up where version = $1'
    const { rowCount } = await client.query(query, [version])
    if (rowCount) return 'was done before'
    await setUp()
    await client.query('insert into storewright.set_up (version) values ($1)', [version])
    return 'done'
  } finally {
    await client.end()
  }
}
