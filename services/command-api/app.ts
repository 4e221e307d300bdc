import { OutOfTimeError, within } from '#async'
import { AppError } from '#domain'
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
  /** A command that has had no answer by then is answered 503. */
  timeoutMs: number
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
  const { store, pool, ids, storesMax, locales, timeoutMs, now, commands, ...server } = dependencies
  const app = buildServer({ ...server, service: 'command-api' })
  const { quota, references, ...used } = commands ?? storeCommands({ store, storesMax, now })
  const inTime = timely(timeoutMs)
  const create = createStore({ store, quota, references })
  const keys = apiKeys({ store, now })
  app.register(createStoreRoute, {
    ids,
    locales,
    createStore: async (request) => {
      await quota.load(request.context)
      return inTime((signal) => create({ ...request, signal }))
    },
  })
  app.register(changeStoreRoutes, {
    ids,
    changeStore: async (request) => {
      await quota.load(request.context)
      return inTime((signal) => used.changeStore({ ...request, signal }))
    },
  })
  app.register(apiKeyRoutes, {
    keys: {
      create: (asked, context) => inTime((signal) => keys.create(asked, context, signal)),
      revoke: (id, context) => inTime((signal) => keys.revoke(id, context, signal)),
    },
  })
  app.register(tenantRoutes, {
    ids,
    quota: {
      setTenant: async (wanted, context) => {
        await quota.load(context)
        return inTime((signal) => quota.setTenant(wanted, context, signal))
      },
    },
  })
  const many = operations({ store, pool, quota, now })
  app.register(operationRoutes, {
    ids,
    operations: {
      dryRun: async (request) => {
        await quota.load(request.context)
        return inTime((signal) => many.dryRun({ ...request, signal }))
      },
      request: async (request) => {
        await quota.load(request.context)
        return inTime((signal) => many.request({ ...request, signal }))
      },
      cancel: (id, context) => inTime((signal) => many.cancel(id, context, signal)),
    },
  })
  return app
}

/**
 * Commands are answered in this time also where they have several steps, or wait for another's append: each may take
 * the whole time. What such a command has begun may still be done, as with every answer that is lost.
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
