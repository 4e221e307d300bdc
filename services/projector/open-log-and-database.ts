import { databaseVariables, eventStoreVariables, parseEnvironment } from '#config'
import { openEventStore, type EventStore } from '#eventstore'
import { z } from 'zod'

const schema = z.object({ ...databaseVariables, ...eventStoreVariables })

/** The two ends a repair command works between, from its environment. */
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
