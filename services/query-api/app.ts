import type { EventStore } from '#eventstore'
import { buildServer, type KeyRing, type OpaqueIds, type ServerOptions } from '#http'
import type { AuditKey } from './audit/export.ts'
import { auditRoutes } from './audit/routes.ts'
import { awaitFreshness, type Freshness } from './freshness.ts'
import type { ReadModels } from './read-models/connection.ts'
import { listKeysRoute } from './routes/list-keys.ts'
import { operationRoutes } from './routes/operations.ts'
import {
  countStoresRoute,
  getStoreRoute,
  listEventsRoute,
  listStoresRoute,
} from './routes/read-stores.ts'
import { streamStoresRoute } from './routes/stream-stores.ts'
import { tenantRoutes } from './routes/tenants.ts'

interface AppDependencies extends Omit<ServerOptions, 'service'> {
  models: ReadModels
  store: EventStore
  freshness: Freshness
  ids: OpaqueIds
  keys: KeyRing
  lagSeconds: () => number | undefined
  heartbeatMs: number
  /** What counts for tenants without limits of their own. */
  storesMax: number
  /** Without it there are no exports of the audit trail. */
  auditKey?: AuditKey | undefined
}

/** Builds the service from its dependencies and listens on nothing, so a test can inject requests. */
export function buildApp(dependencies: AppDependencies) {
  const { models, store, keys, freshness, ids, lagSeconds, heartbeatMs, ...others } = dependencies
  const { storesMax, auditKey, ...server } = others
  const app = buildServer({ ...server, service: 'query-api' })
  const readHead = async () => (await store.head())?.position ?? 0n
  awaitFreshness(app, { freshness, ids, lagSeconds, readHead })
  app.register(listStoresRoute, { models })
  app.register(countStoresRoute, { models })
  app.register(getStoreRoute, { models, store })
  app.register(listEventsRoute, { store, ids })
  app.register(auditRoutes, { models, store, ids, auditKey })
  app.register(listKeysRoute, { keys, models })
  app.register(operationRoutes, { models, store })
  app.register(streamStoresRoute, { models, freshness, ids, heartbeatMs })
  const defaults = { stores: storesMax, requestsPerMinute: server.rateLimitPerMinute ?? 6_000 }
  app.register(tenantRoutes, { models, defaults })
  return app
}
