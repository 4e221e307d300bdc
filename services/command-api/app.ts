import { OutOfTimeError, within } from '#async'
import { AppError } from '#domain'
import type { EventStore } from '#eventstore'
import { buildServer, type OpaqueIds, type ServerOptions } from '#http'
import { changeStore } from './change-store.ts'
import { createStore } from './create-store.ts'
import { storeQuota } from './store-quota.ts'
import { apiKeys } from './api-keys.ts'
import { apiKeyRoutes } from './routes/api-keys.ts'
import { changeStoreRoutes } from './routes/change-store.ts'
import { createStoreRoute } from './routes/create-store.ts'

interface AppDependencies extends Omit<ServerOptions, 'service'> {
  store: EventStore
  ids: OpaqueIds
  storesMax: number
  /** A command that has had no answer by then is answered 503. */
  timeoutMs: number
  now: () => Date
}

/** Builds the service from its dependencies and listens on nothing, so a test can inject requests. */
export function buildApp({ store, ids, storesMax, timeoutMs, now, ...server }: AppDependencies) {
  const app = buildServer({ ...server, service: 'command-api' })
  const quota = storeQuota({ store, storesMax, now })
  const inTime = timely(timeoutMs)
  const create = createStore({ store, quota })
  const change = changeStore({ store, now })
  const keys = apiKeys({ store, now })
  app.register(createStoreRoute, {
    ids,
    createStore: (request) => inTime((signal) => create({ ...request, signal })),
  })
  app.register(changeStoreRoutes, {
    ids,
    changeStore: (request) => inTime((signal) => change({ ...request, signal })),
  })
  app.register(apiKeyRoutes, {
    keys: {
      create: (asked, context) => inTime((signal) => keys.create(asked, context, signal)),
      revoke: (id, context) => inTime((signal) => keys.revoke(id, context, signal)),
    },
  })
  return app
}

/**
 * Commands are answered in this time also where they wait for others on the same stream: each of those may take an
 * append's whole time. What such a command has begun may still be done, as with every answer that is lost.
 */
function timely(timeoutMs: number) {
  return async <T>(command: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const late = new AbortController()
    try {
      return await within(command(late.signal), timeoutMs)
    } catch (cause) {
      if (!(cause instanceof OutOfTimeError)) throw cause
      late.abort(cause)
      throw new AppError('EVENT_STORE_UNAVAILABLE', 'The event store is not available', {
        retryable: true,
        cause,
      })
    }
  }
}
