import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import { Client } from 'pg'
import { connectionConfig } from './pool.ts'

const MIGRATION_LIMIT_MS = 10 * 60_000

/** Only one process migrates a database at a time; the others wait and find the work done. */
const LOCK = 7_301_119_001

/**
 * Brings a database to the newest schema by the numbered SQL files beside this module, each run once and
 * recorded in `schema_migrations`. Several processes may do it at once. Returns the names of those it ran.
 */
export async function migrate(url: string, { schema = 'public' } = {}): Promise<string[]> {
  const client = new Client({
    ...connectionConfig(url),
    statement_timeout: MIGRATION_LIMIT_MS,
    query_timeout: MIGRATION_LIMIT_MS,
  })
  // The running query reports the error.
  client.on('error', () => {})
  await client.connect()
  try {
    const ran = await runner({
      dbClient: client,
      dir: fileURLToPath(new URL('migrations', import.meta.url)),
      direction: 'up',
      migrationsTable: 'schema_migrations',
      schema,
      createSchema: schema !== 'public',
      advisoryLockMode: 'wait',
      lockValue: LOCK,
      singleTransaction: true,
      logger: { info: () => {}, warn: () => {}, error: () => {} },
    })
    return ran.map(({ name }) => name)
  } finally {
    await client.end()
  }
}
