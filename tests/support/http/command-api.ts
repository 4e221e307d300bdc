import { openEventStore } from '#eventstore'
import { parseConfig } from '../../../services/command-api/config.ts'
import { start } from '../../../services/command-api/start.ts'
import { clientOf, freshTenant } from './client.ts'
import { logReader } from './log-reader.ts'

// So that a busy machine fails no test.
const patient = { EVENTSTORE_TIMEOUT_MS: '20000' }

/** The command API in this process on a real event store, for a tenant of its own. */
export async function commandApi(eventStoreUrl: string, env: Record<string, string> = {}) {
  const given = {
    EVENTSTORE_URL: eventStoreUrl,
    AUTH: 'off',
    LOG_LEVEL: 'silent',
    ...patient,
    ...env,
  }
  const api = await start(parseConfig(given))
  const store = openEventStore({ connectionString: eventStoreUrl })
  const tenant = freshTenant()
  return {
    store,
    tenant,
    ...clientOf(api.url, tenant),
    ...logReader(store, tenant),
    async [Symbol.asyncDispose]() {
      await api.close()
      void store.close()
    },
  }
}
