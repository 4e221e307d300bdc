import { setTimeout as wait } from 'node:timers/promises'
import { openEventStore } from '#eventstore'
import { readCheckpoint } from '#postgres'
import { eventually } from '../eventually.ts'
import { testDatabase } from '../servers/test-database.ts'
import { testEventStore } from '../servers/test-eventstore.ts'
import { rebuildReadModels } from '../../../services/projector/rebuild/rebuild-read-models.ts'
import { appendHistory } from './append-history.ts'
import { projectorHere } from './projector-here.ts'
import { projectorProcess } from './projector-process.ts'
import { historyOf, type LogEntry } from './recorded-log.ts'

/** A real event store and a real database, with what a test of the projector asks of both. */
export async function projectedLog() {
  const log = await testEventStore()
  const database = await testDatabase()
  const store = openEventStore({ connectionString: log.url })
  const revisions = new Map<string, bigint>()
  const hasCaughtUp = async (pool = database.pool) => {
    const checkpoint = await readCheckpoint(pool, 'stores')
    const head = await store.head()
    if (checkpoint?.eventId !== head?.id)
      throw new Error(`at ${checkpoint?.position}, the log ends at ${head?.position}`)
  }
  const ends = { EVENTSTORE_URL: log.url, DATABASE_URL: database.url, PROJECTOR_SILENCE_MS: '2000' }
  return {
    log,
    database,
    store,
    append: (entries: LogEntry[]) => appendHistory(store, entries, revisions),
    /** Starts a projector on this log and database as a process; `env` may change either. */
    projector: (env: Record<string, string> = {}) => projectorProcess({ ...ends, ...env }),
    /** The same inside this process. */
    projectorHere: () => projectorHere(ends),
    /** What the repair commands are told. */
    ends,
    hasCaughtUp,
    caughtUp: () => eventually(hasCaughtUp, { timeoutMs: 25_000 }),
    rebuild: (accept = false) => rebuildReadModels({ databaseUrl: database.url, store, accept }),
    async [Symbol.asyncDispose]() {
      await Promise.race([store.close(), wait(1_000)])
      await log.kill()
      await log[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
}

/** The history of `stores` stores, each of which something has happened to `steps` times. */
export function history({
  stores,
  steps,
  first = 0,
}: {
  stores: number
  steps: number
  first?: number
}) {
  const choices = Array.from({ length: stores * steps }, (_, index) => ({
    store: first + (index % stores),
    choice: (index * 7 + Math.floor(index / stores) * 3) % 9,
  }))
  return historyOf(choices)
}
