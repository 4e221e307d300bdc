import type { EventStore } from '#eventstore'
import { buildServer, type OpaqueIds, type ServerOptions } from '#http'
import { changeStore } from './change-store.ts'
import { createStore } from './create-store.ts'
import { references as referencesOf } from './references.ts'
import { storeQuota } from './store-quota.ts'
import { apiKeys } from './api-keys.ts'
import { apiKeyRoutes } from './routes/api-keys.ts'
import { changeStoreRoutes } from './routes/change-store.ts'
import { createStoreRoute } from './routes/create-store.ts'
import { tenantRoutes } from './routes/tenants.ts'

interface AppDependencies extends Omit<ServerOptions, 'service'> {
  store: EventStore
  ids: OpaqueIds
  storesMax: number
  /** Languages a WooCommerce shop can be set up with. */
  locales?: string[] | undefined
  now: () => Date
}

/** Builds the service from its dependencies and listens on nothing, so a test can inject requests. */
export function buildApp({ store, ids, storesMax, locales, now, ...server }: AppDependencies) {
  const app = buildServer({ ...server, service: 'command-api' })
  const quota = storeQuota({ store, storesMax, now })
  const references = referencesOf({ store, now })
  app.register(createStoreRoute, {
    ids,
    locales,
    createStore: createStore({ store, quota, references }),
  })
  app.register(changeStoreRoutes, {
    ids,
    changeStore: changeStore({ store, quota, references, now }),
  })
  app.register(apiKeyRoutes, { keys: apiKeys({ store, now }) })
  app.register(tenantRoutes, { ids, quota })
  return app
}
