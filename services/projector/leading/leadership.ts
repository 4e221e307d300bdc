import { setTimeout as wait } from 'node:timers/promises'
import { connectionConfig } from '#postgres'
import { Client, DatabaseError } from 'pg'

/** Held by the one projector that writes. */
const LOCK = 7_301_119_002

const ASK_EVERY_MS = 500
/** The right to write, bound to one connection: whoever loses the connection loses the lock and its transaction with it. */
export interface Leadership extends AsyncDisposable {
  client: Client
  /** Aborted with the reason when the connection is lost. */
  lost: AbortSignal
}

/** Waits until this process is the one that writes; others stand by meanwhile, calling `onStandby` once. */
export async function becomeLeader(options: {
  url: string
  /** The server ends a leader that is silent for so long (frozen, or its machine gone), and with it its lock. */
  silenceMs: number
  signal: AbortSignal
  onStandby: () => void
}): Promise<Leadership> {
  const { url, silenceMs, signal, onStandby } = options
  const client = new Client({ ...connectionConfig(url), application_name: 'storewright projector' })
  const lost = new AbortController()
  client.on('error', (error) => lost.abort(error))
  client.on('end', () => lost.abort(new Error('The connection to Postgres ended')))
  try {
    await client.connect()
    for (const setting of ['idle_session_timeout', 'idle_in_transaction_session_timeout'])
      await client.query(`select set_config($1, $2, false)`, [setting, `${silenceMs}ms`])
    for (let asked = 0; !(await tryLock(client)); asked++) {
      if (asked === 0) onStandby()
      await wait(ASK_EVERY_MS, undefined, { signal })
    }
  } catch (error) {
    await end(client)
    throw error
  }
  const beat = setInterval(() => void heartbeat(client, lost), silenceMs / 4)
  return {
    client,
    lost: lost.signal,
    async [Symbol.asyncDispose]() {
      clearInterval(beat)
      await end(client)
    },
  }
}

async function tryLock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [
    LOCK,
  ])
  return rows[0]?.got === true
}

async function heartbeat(client: Client, lost: AbortController): Promise<void> {
  try {
    await client.query('select 1')
  } catch (error) {
    // An answer of the server, be it a refusal, is a sign of life.
    if (!(error instanceof DatabaseError)) lost.abort(error)
  }
}

// A frozen server answers no farewell.
async function end(client: Client): Promise<void> {
  await Promise.race([client.end().catch(() => {}), wait(1_000, undefined, { ref: false })])
}
