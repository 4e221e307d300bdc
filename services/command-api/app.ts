import type { EventStore } from '#eventstore'
import { buildServer, type ServerOptions } from '#http'
import { commandStore } from './change-store.ts'
import { requestStore } from './create-store.ts'
import { commandRoutes } from './routes/change-store.ts'
import { requestStoreRoute } from './routes/create-store.ts'
import { tenantSlots } from './quota/tenant-quota.ts'

interface AppDependencies extends Omit<ServerOptions, 'service'> {
  store: EventStore
  storesMax: number
  now: () => Date
}

/** Builds the service from its dependencies and listens on nothing, so a test can inject requests. */
export function buildApp({ store, storesMax, now, ...server }: AppDependencies) {
  const app = buildServer({ ...server, service: 'command-api' })
  const slots = tenantSlots({ store, storesMax, now })
  app.register(requestStoreRoute, { requestStore: requestStore({ store, slots }) })
  app.register(commandRoutes, { commandStore: commandStore({ store, now }) })
  return app
}
