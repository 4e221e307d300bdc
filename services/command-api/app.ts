import type { EventStore } from '#eventstore'
import { buildServer, type OpaqueIds, type ServerOptions } from '#http'
import type { Pool } from '#postgres'
import { changeStore } from './change-store.ts'
import { createStore } from './create-store.ts'
import { operations } from './operations/request-operation.ts'
import { references as referencesOf } from './references.ts'
import { storeQuota } from './store-quota.ts'
import { apiKeys } from './api-keys.ts'
import { apiKeyRoutes } from './routes/api-keys.ts'
import { changeStoreRoutes } from './routes/change-store.ts'
import { createStoreRoute } from './routes/create-store.ts'
import { operationRoutes } from './routes/operations.ts'
import { tenantRoutes } from './routes/tenants.ts'

interface CommandDependencies {
  store: EventStore
  storesMax: number
  now: () => Date
}

interface AppDependencies extends CommandDependencies, Omit<ServerOptions, 'service'> {
  /** The read models, where operations select their stores; undefined where there are none. */
  pool?: Pool | undefined
  ids: OpaqueIds
  /** Languages a WooCommerce shop can be set up with. */
  locales?: string[] | undefined
  /** Shared with whatever else sends commands to stores. */
  commands?: ReturnType<typeof storeCommands>
}

/** What decides on commands to stores; a process needs one, as it keeps the tenants' states. */
export function storeCommands({ store, storesMax, now }: CommandDependencies) {
  const quota = storeQuota({ store, storesMax, now })
  const references = referencesOf({ store, now })
  return { quota, references, changeStore: changeStore({ store, quota, references, now }) }
}

/** Builds the service from its dependencies and listens on nothing, so a test can inject requests. */
export function buildApp(dependencies: AppDependencies) {
  const { store, pool, ids, storesMax, locales, now, commands, ...server } = dependencies
  const app = buildServer({ ...server, service: 'command-api' })
  const { quota, references, ...used } = commands ?? storeCommands({ store, storesMax, now })
  app.register(createStoreRoute, {
    ids,
    locales,
    createStore: createStore({ store, quota, references }),
  })
  app.register(changeStoreRoutes, { ids, ...used })
  app.register(apiKeyRoutes, { keys: apiKeys({ store, now }) })
  app.register(operationRoutes, { ids, operations: operations({ store, pool, quota, now }) })
  app.register(tenantRoutes, { ids, quota })
  return app
}
