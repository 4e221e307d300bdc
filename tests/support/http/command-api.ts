import { openEventStore } from '#eventstore'
import { opaqueIds } from '#http'
import { parseConfig } from '../../../services/command-api/config.ts'
import { start } from '../../../services/command-api/start.ts'
import { clientOf, freshTenant, patience } from './client.ts'
import { logReader } from './log-reader.ts'

/** The command API in this process on a real event store, for a tenant of its own. */
export async function commandApi(eventStoreUrl: string, env: Record<string, string> = {}) {
  const given = {
    EVENTSTORE_URL: eventStoreUrl,
    AUTH: 'off',
    LOG_LEVEL: 'silent',
    ...patience,
    ...env,
  }
  const api = await start(parseConfig(given))
  const store = openEventStore({ connectionString: eventStoreUrl })
  const tenant = freshTenant()
  return {
    store,
    tenant,
    ...clientOf(api.url, tenant),
    /** As the API shows a position to the tenant. */
    tokenOf: (position: bigint) => opaqueIds(eventStoreUrl).tokenOf(position, tenant),
    ...logReader(store, tenant),
    async [Symbol.asyncDispose]() {
      await api.close()
      void store.close()
    },
  }
}
