import { openEventStore } from '#eventstore'
import { opaqueIds } from '#http'
import { parseConfig as parseProjector } from '../../../services/projector/config.ts'
import { start as startProjector } from '../../../services/projector/start.ts'
import { rebuildReadModels } from '../../../services/projector/rebuild/rebuild-read-models.ts'
import { parseConfig } from '../../../services/query-api/config.ts'
import { start } from '../../../services/query-api/start.ts'
import { testDatabase } from '../servers/test-database.ts'
import { testEventStore } from '../servers/test-eventstore.ts'
import { clientOf, freshTenant, patience } from './client.ts'
import { historian } from './historian.ts'

/** The query API and a projector in this process, on an event store and a database of their own. */
export async function queryApi(env: Record<string, string> = {}) {
  const events = await testEventStore()
  const database = await testDatabase()
  const given = {
    EVENTSTORE_URL: events.url,
    DATABASE_URL: database.url,
    AUTH: 'off',
    ...patience,
    LOG_LEVEL: 'silent',
    ...env,
  }
  const project = () => startProjector(parseProjector(given))
  let projector = await project()
  const api = await start(parseConfig(given))
  const store = openEventStore({ connectionString: events.url, timeoutMs: 20_000 })
  const tenant = freshTenant()
  const ids = opaqueIds(events.url)
  return {
    events,
    database,
    store,
    tenant,
    ...clientOf(api.url, tenant),
    /** As the API shows a position to the tenant. */
    tokenOf: (position: bigint) => ids.tokenOf(position, tenant),
    positionOf: (token: string | null | undefined) => ids.positionOf(token ?? '', tenant),
    ...historian(store, tenant),
    /** Derives the read models again, compares and switches. */
    rebuild: () => rebuildReadModels({ databaseUrl: database.url, store, accept: false }),
    /** Nothing is projected until it goes on. */
    pauseProjector: () => projector.close(),
    goOnProjecting: async () => {
      projector = await project()
    },
    async [Symbol.asyncDispose]() {
      await api.close()
      await projector.close()
      void store.close()
      await database[Symbol.asyncDispose]()
      await events[Symbol.asyncDispose]()
    },
  }
}
