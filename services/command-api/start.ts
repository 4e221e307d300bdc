import { openEventStore } from '#eventstore'
import { authOf, closeWithin, followKeys, followLimits, opaqueIds, reportReadiness } from '#http'
import { createLogger } from '#observability'
import { openPool, recordKeyUses } from '#postgres'
import { buildApp } from './app.ts'
import type { Config } from './config.ts'

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
  const app = buildApp({
    store,
    ids: opaqueIds(config.POSITION_KEY ?? config.EVENTSTORE_URL),
    logger,
    checks,
    auth: authOf(config, keys),
    corsOrigins: config.CORS_ORIGINS,
    publicUrl: config.PUBLIC_URL,
    trustedProxies: config.TRUSTED_PROXIES,
    storesMax: config.STORES_PER_TENANT_MAX,
    locales: config.WOOCOMMERCE_LOCALES,
    timeoutMs: config.EVENTSTORE_TIMEOUT_MS,
    rateLimitPerMinute: config.RATE_LIMIT_PER_MINUTE,
    limitsOf,
    loopDelayMaxMs: config.LOOP_DELAY_MAX_MS,
    now: () => new Date(),
  })
  const recorded = recordUsesIn(config.DATABASE_URL)
  const url = await app.listen({ host: config.HOST, port: config.PORT })
  logger.info({ url }, 'listening')
  const reported = reportReadiness({ checks, logger, signal: stopped.signal })
  return {
    url,
    close: async () => {
      stopped.abort()
      await closeWithin(app, {
        dependencies: [() => reported, () => recorded, () => store.close()],
      })
    },
  }

  // Nothing else of the service needs PostgreSQL, and nothing waits for it.
  async function recordUsesIn(databaseUrl: string | undefined): Promise<void> {
    if (databaseUrl === undefined) return
    const pool = openPool({ url: databaseUrl, logger, max: 1 })
    await recordKeyUses({ pool, take: keys.takeUses, logger, signal: stopped.signal })
    await pool.end()
  }
}
