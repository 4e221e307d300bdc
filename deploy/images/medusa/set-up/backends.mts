import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, DatabaseError } from 'pg'
import { APPLICATION } from './beginning.mts'

const WAIT_MS = 180_000
const TRY_MS = 5_000
const PAUSE_MS = 500
/** PostgreSQL's codes for a wrong password or an unknown role or database: waiting changes nothing. */
const REFUSALS = new Set(['28P01', '28000', '3D000'])

/** Waits for PostgreSQL and Redis; returns a connection to the former. */
export async function backendsReady(): Promise<Client> {
  const giveUpAt = performance.now() + WAIT_MS
  const redis = new URL(setting('REDIS_URL'))
  await until(giveUpAt, 'Redis', () => reach(redis.hostname, Number(redis.port)))
  return until(giveUpAt, 'PostgreSQL', connectDatabase)
}

async function connectDatabase(): Promise<Client> {
  const connectionString = setting('DATABASE_URL')
  const client = new Client({
    connectionString,
    connectionTimeoutMillis: TRY_MS,
    application_name: APPLICATION,
  })
  // A connection that breaks later is found by the next query.
  client.on('error', () => {})
  await client.connect()
  return client
}

async function reach(host: string, port: number): Promise<void> {
  const socket = connect({ host, port, timeout: TRY_MS })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
    socket.once('timeout', () => reject(new Error('no answer')))
  }).finally(() => socket.destroy())
}

async function until<T>(giveUpAt: number, what: string, attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      const hopeless = error instanceof DatabaseError && REFUSALS.has(error.code ?? '')
      const reason = error instanceof Error ? error.message : String(error)
      if (hopeless || performance.now() > giveUpAt)
        throw new Error(`${what}: ${reason}`, { cause: error })
      await sleep(PAUSE_MS)
    }
  }
}

function setting(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set`)
  return value
}
