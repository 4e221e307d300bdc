import { openEventStore } from '#eventstore'
import { testEventStore } from '../servers/test-eventstore.ts'
import { apiProcess } from './api-process.ts'
import { freshTenant, patience } from './client.ts'
import { logReader } from './log-reader.ts'

/** An event store of its own and any number of command API processes on it, all gone at the end of the test. */
export async function commandApis() {
  const events = await testEventStore()
  const user = freshTenant()
  // Patient, so that a busy machine fails no test.
  const store = openEventStore({ connectionString: events.url, timeoutMs: 20_000 })
  const started: Awaited<ReturnType<typeof apiProcess>>[] = []
  return {
    events,
    store,
    ...logReader(store, user),
    /** A tenant and what the log holds of it. */
    tenant: () => {
      const other = freshTenant()
      return { user: other, ...logReader(store, other) }
    },
    api: async (env: Record<string, string> = {}) => {
      const given = { EVENTSTORE_URL: events.url, ...patience, ...env }
      const api = await apiProcess({ service: 'command-api', tenant: user, env: given })
      started.push(api)
      return api
    },
    async [Symbol.asyncDispose]() {
      for (const api of started) await api[Symbol.asyncDispose]()
      void store.close()
      await events[Symbol.asyncDispose]()
    },
  }
}
