import { AppError } from '#domain'
import { connectionConfig } from '#postgres'
import { Client } from 'pg'

const LOCK = 7_301_119_003
const STEP_LIMIT_MS = 30 * 60_000

/** One connection for a whole repair of the read models, holding the lock that keeps a second repair out. */
export async function openSession(url: string): Promise<AsyncDisposable & { client: Client }> {
  const client = new Client({
    ...connectionConfig(url),
    application_name: 'storewright rebuild',
    statement_timeout: STEP_LIMIT_MS,
    query_timeout: STEP_LIMIT_MS,
    idle_in_transaction_session_timeout: STEP_LIMIT_MS,
  })
  // Told by the query under way.
  client.on('error', () => {})
  await client.connect()
  if (await gotLock(client)) return { client, [Symbol.asyncDispose]: () => client.end() }
  await client.end()
  throw new AppError('CONCURRENT_MODIFICATION', 'Another rebuild is running; wait for its end')
}

async function gotLock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [
    LOCK,
  ])
  return rows[0]?.got === true
}
