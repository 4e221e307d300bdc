import type { Client } from 'pg'
import { releaseScripts } from './redis.mts'
import { runMedusa } from './run-medusa.mts'

/**
 * Brings tables, links and data to this version; throws unless all of it was done. The scripts that change
 * data are run apart: `db:migrate` starts them too, and exits 0 whatever becomes of them.
 */
export async function migrate(client: Client): Promise<void> {
  await runMedusa(['db:migrate', '--execute-safe-links', '--skip-scripts'])
  await releaseScripts()
  await runMedusa(['db:migrate:scripts'])
  // It skips, and exits 0, what a connection of a killed run seems to be at work on.
  const { rows } = await client.query<{ script_name: string }>(
    'select script_name from script_migrations where finished_at is null',
  )
  if (rows.length > 0)
    throw new Error(`not finished: ${rows.map((row) => row.script_name).join(', ')}`)
}
