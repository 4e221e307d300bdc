import { openEventStore } from '#eventstore'
import { authOf, closeWithin, followKeys, followLimits, opaqueIds, reportReadiness } from '#http'
import { createLogger } from '#observability'
import { openPool, recordKeyUses } from '#postgres'
import { buildApp, storeCommands } from './app.ts'
import type { Config } from './config.ts'
import { workOnOperations } from './operations/worker.ts'

/** Starts the service: it listens at once, and is ready when the event store answers. */
export async function start(config: Config): Promise<{ url: string; close(): Promise<void> }> {
  const logger = createLogger({ service: 'command-api', level: config.LOG_LEVEL })
  const store = openEventStore({
    connectionString: config.EVENTSTORE_URL,
    timeoutMs: config.EVENTSTORE_TIMEOUT_MS,
    logger,
  })
  const checks = {
    eventStore: () => Promise.all([store.ping(1_500), store.pingAppends(1_500)]),
  }
  const stopped = new AbortController()
  const keys = followKeys({ store, logger, signal: stopped.signal })
  const limitsOf = followLimits({ store, logger, signal: stopped.signal })
  const { DATABASE_URL: databaseUrl } = config
  const pool =
    databaseUrl === undefined ? undefined : openPool({ url: databaseUrl, logger, max: 4 })
  const now = () => new Date()
  const storesMax = config.STORES_PER_TENANT_MAX
  const commands = storeCommands({ store, storesMax, now })
  const app = buildApp({
    store,
    pool,
    commands,
    ids: opaqueIds(config.POSITION_KEY ?? config.EVENTSTORE_URL),
    logger,
    checks,
    auth: authOf(config, keys),
    corsOrigins: config.CORS_ORIGINS,
    publicUrl: config.PUBLIC_URL,
    trustedProxies: config.TRUSTED_PROXIES,
    storesMax,
    locales: config.WOOCOMMERCE_LOCALES,
    timeoutMs: config.EVENTSTORE_TIMEOUT_MS,
    rateLimitPerMinute: config.RATE_LIMIT_PER_MINUTE,
    limitsOf,
    loopDelayMaxMs: config.LOOP_DELAY_MAX_MS,
    now,
  })
  const inDatabase = startInDatabase()
  const url = await app.listen({ host: config.HOST, port: config.PORT })
  logger.info({ url }, 'listening')
  const reported = reportReadiness({ checks, logger, signal: stopped.signal })
  return {
    url,
    close: async () => {
      stopped.abort()
      await closeWithin(app, {
        dependencies: [
          () => reported,
          () => inDatabase,
          async () => pool?.end(),
          () => store.close(),
        ],
      })
    },
  }

  // Commands to single stores need no PostgreSQL, and nothing of them waits for it.
  async function startInDatabase(): Promise<void> {
    if (databaseUrl === undefined || pool === undefined) return
    const { signal } = stopped
    await Promise.all([
      recordKeyUses({ pool, take: keys.takeUses, logger, signal }),
      workOnOperations({
        databaseUrl,
        pool,
        store,
        changeStore: commands.changeStore,
        perSecond: config.OPERATIONS_PER_SECOND,
        perMinute: config.RATE_LIMIT_PER_MINUTE,
        limitsOf,
        logger,
        signal,
      }),
    ])
  }
}
