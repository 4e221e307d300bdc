import { Client } from 'pg'
import { z } from 'zod'
import { databaseVariables, eventStoreVariables, parseEnvironment } from '#config'
import { AppError } from '#domain'
import { type EventStore, openEventStore } from '#eventstore'
import { connectionConfig } from '#postgres'

const LOCK = 7_301_119_003
const STEP_LIMIT_MS = 30 * 60_000

/** One connection for a whole rebuild or replay; it holds the lock that excludes a second one. */
export async function openSession(url: string): Promise<AsyncDisposable & { client: Client }> {
  const client = new Client({
    ...connectionConfig(url),
    application_name: 'storewright rebuild',
    statement_timeout: STEP_LIMIT_MS,
    query_timeout: STEP_LIMIT_MS,
    idle_in_transaction_session_timeout: STEP_LIMIT_MS,
  })
  // The running query reports the error.
  client.on('error', () => {})
  await client.connect()
  if (await gotLock(client)) return { client, [Symbol.asyncDispose]: () => client.end() }
  await client.end()
  throw new AppError('CONCURRENT_MODIFICATION', 'Another rebuild is running; wait until it ends')
}

async function gotLock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [
    LOCK,
  ])
  return rows[0]?.got === true
}

const schema = z.object({ ...databaseVariables, ...eventStoreVariables })

/** The event log and the database of a command, from its environment. */
export function openLogAndDatabase(
  env: NodeJS.ProcessEnv,
): AsyncDisposable & { databaseUrl: string; store: EventStore } {
  const { DATABASE_URL: databaseUrl, EVENTSTORE_URL: connectionString } = parseEnvironment(
    schema,
    env,
  )
  const store = openEventStore({ connectionString, timeoutMs: 30_000 })
  return { databaseUrl, store, [Symbol.asyncDispose]: () => store.close() }
}

/** The schema of the read models in use. */
export const LIVE = 'public'

/** The schema of the rebuilt read models. */
export const REBUILT = 'read_models_rebuilt'
