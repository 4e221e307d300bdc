import { openEventStore } from '#eventstore'
import { authOf, closeWithin, followKeys, followLimits, opaqueIds, reportReadiness } from '#http'
import { createLogger } from '#observability'
import { openPool, recordKeyUses, watchStoreChanges } from '#postgres'
import { Registry } from 'prom-client'
import { buildApp } from './app.ts'
import type { Config } from './config.ts'
import { freshness as followProjector } from './freshness.ts'
import { watchLag } from './lag.ts'
import { readModels } from './read-models/connection.ts'

/** Starts the service: it listens at once, and is ready when Postgres answers. */
export async function start(config: Config): Promise<{ url: string; close(): Promise<void> }> {
  const logger = createLogger({ service: 'query-api', level: config.LOG_LEVEL })
  const registry = new Registry()
  const { signal, abort } = stopSignal()
  const pool = openPool({ url: config.DATABASE_URL, logger })
  const store = openEventStore({
    connectionString: config.EVENTSTORE_URL,
    timeoutMs: config.EVENTSTORE_TIMEOUT_MS,
    logger,
  })
  const models = readModels(pool)
  const freshness = followProjector(models)
  const { onChange } = freshness
  const watching = watchStoreChanges({ url: config.DATABASE_URL, logger, signal, onChange })
  const lag = watchLag({ store, freshness, registry, logger, signal })
  // Without the event store lists and stores are served; history answers 503 by itself.
  const checks = { postgres: models.readPosition }
  const dependencies = { ...checks, eventStore: () => store.ping(1_500) }
  const keys = followKeys({ store, logger, signal })
  const recorded = recordKeyUses({ pool, take: keys.takeUses, logger, signal })
  const limitsOf = followLimits({ store, logger, signal })
  const app = buildApp({
    keys,
    models,
    store,
    freshness,
    ids: opaqueIds(config.POSITION_KEY ?? config.EVENTSTORE_URL),
    lagSeconds: lag.seconds,
    heartbeatMs: config.LIVE_HEARTBEAT_MS,
    storesMax: config.STORES_PER_TENANT_MAX,
    auditKey: config.AUDIT_SIGNING_KEY,
    logger,
    checks,
    registry,
    auth: authOf(config, keys),
    corsOrigins: config.CORS_ORIGINS,
    publicUrl: config.PUBLIC_URL,
    trustedProxies: config.TRUSTED_PROXIES,
    rateLimitPerMinute: config.RATE_LIMIT_PER_MINUTE,
    limitsOf,
    loopDelayMaxMs: config.LOOP_DELAY_MAX_MS,
  })
  const url = await app.listen({ host: config.HOST, port: config.PORT })
  logger.info({ url }, 'listening')
  const reporting = reportReadiness({ checks: dependencies, logger, signal })
  return {
    url,
    close: async () => {
      abort()
      const ended = Promise.all([watching, reporting, recorded])
      await closeWithin(app, { dependencies: [() => ended, () => store.close(), () => pool.end()] })
    },
  }
}

function stopSignal() {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort() }
}
