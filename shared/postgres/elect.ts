import { setTimeout as wait } from 'node:timers/promises'
import { Client, type ClientBase, DatabaseError } from 'pg'
import { connectionConfig, watchShutdown } from './pool.ts'

/** What only one process of an installation does at a time, and the number of its lock; migrations have 001 and rebuilds 003. */
const locks = { projector: 7_301_119_002, operations: 7_301_119_004 }

const RETRY_MS = 500

/** The right to be the one that works, bound to one connection: losing the connection loses the lock and the transaction. */
export interface Leadership extends AsyncDisposable {
  /** Runs `work` on the connection that holds the lock; one at a time. */
  use: <T>(work: (client: ClientBase) => Promise<T>) => Promise<T>
  /** Aborted with the reason when the connection is lost. */
  lost: AbortSignal
}

export interface LeadershipOptions {
  url: string
  of: keyof typeof locks
  /** The server ends the session of a leader that is silent for this time (frozen, or its machine gone), which frees the lock. */
  silenceMs: number
  signal: AbortSignal
  /** How often a new connection shows whether PostgreSQL is shutting down. */
  probeEveryMs?: number
  /** Called once when another holds the lock. */
  onStandby: () => void
}

/** Waits until this process is the one that works. */
export async function electLeader(options: LeadershipOptions): Promise<Leadership> {
  const { url, silenceMs, probeEveryMs: everyMs } = options
  const lost = new AbortController()
  const ended = new AbortController()
  const { signal } = ended
  void watchShutdown({ url, everyMs, signal, onShutdown: (error) => lost.abort(error) })
  const client = await connectAndLock(options, lost).catch((error) => {
    ended.abort()
    throw error
  })
  let busy = false
  let pending: Promise<void> | undefined
  const beat = setInterval(() => {
    // Work is a sign of life too and has its own time limit.
    if (busy || pending !== undefined) return
    pending = heartbeat(client, silenceMs, lost).finally(() => (pending = undefined))
  }, silenceMs / 4)
  return {
    use: async (work) => {
      busy = true
      try {
        await pending
        lost.signal.throwIfAborted()
        return await work(client)
      } finally {
        busy = false
      }
    },
    lost: lost.signal,
    async [Symbol.asyncDispose]() {
      clearInterval(beat)
      ended.abort()
      await end(client)
    },
  }
}

async function connectAndLock(options: LeadershipOptions, lost: AbortController): Promise<Client> {
  const { url, of, silenceMs } = options
  const client = new Client({ ...connectionConfig(url), application_name: `storewright ${of}` })
  client.on('error', (error) => lost.abort(error))
  client.on('end', () => lost.abort(new Error('The connection to Postgres ended')))
  try {
    await client.connect()
    for (const setting of ['idle_session_timeout', 'idle_in_transaction_session_timeout'])
      await client.query(`select set_config($1, $2, false)`, [setting, `${silenceMs}ms`])
    const signal = AbortSignal.any([options.signal, lost.signal])
    await waitForLock(client, { ...options, signal })
    return client
  } catch (error) {
    await end(client)
    throw error
  }
}

async function waitForLock(
  client: Client,
  { of, signal, onStandby }: LeadershipOptions,
): Promise<void> {
  for (let tries = 0; ; tries++) {
    const { rows } = await client.query<{ got: boolean }>(
      'select pg_try_advisory_lock($1) as got',
      [locks[of]],
    )
    if (rows[0]?.got === true) return
    if (tries === 0) onStandby()
    await wait(RETRY_MS, undefined, { signal })
  }
}

async function heartbeat(client: Client, timeoutMs: number, lost: AbortController): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new Error(`Postgres has not answered for ${timeoutMs} ms`)),
    timeoutMs,
  )
  try {
    await Promise.race([client.query('select 1'), late.promise])
  } catch (error) {
    // Any answer of the server, even an error, is a sign of life.
    if (!(error instanceof DatabaseError)) lost.abort(error)
  } finally {
    clearTimeout(timer)
  }
}

// A frozen server never answers the end message.
async function end(client: Client): Promise<void> {
  await Promise.race([client.end().catch(() => {}), wait(1_000, undefined, { ref: false })])
}
