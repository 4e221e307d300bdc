import { setTimeout as wait } from 'node:timers/promises'
import { openEventStore } from '#eventstore'
import { buildServer, closeWithin } from '#http'
import { createLogger, type Logger } from '#observability'
import { migrate, openPool } from '#postgres'
import type { ProjectorConfig } from './config.ts'
import { createMetrics } from './metrics.ts'
import { startProjector } from './projector.ts'

const MIGRATE_AGAIN_MS = 1_000

/** Starts the projector: it listens at once and says in `/health/ready` what it waits for. */
export async function start(
  config: ProjectorConfig,
): Promise<{ url: string; close: () => Promise<void> }> {
  const { DATABASE_URL: databaseUrl, EVENTSTORE_URL: connectionString, LOG_LEVEL: level } = config
  const logger = createLogger({ service: 'projector', level })
  const metrics = createMetrics()
  const pool = openPool({ url: databaseUrl, logger, max: 2 })
  const store = openEventStore({ connectionString, logger })
  const closing = new AbortController()

  const running = migrated({ databaseUrl, logger, signal: closing.signal }).then(() => {
    if (closing.signal.aborted) return undefined
    const { PROJECTOR_BATCH: batchMax, PROJECTOR_SILENCE_MS: silenceMs } = config
    return startProjector({ databaseUrl, store, logger, metrics, batchMax, silenceMs })
  })
  let projector: Awaited<typeof running>
  void running.then((started) => (projector = started))

  const checks = {
    postgres: () => pool.query('select 1'),
    eventStore: () => store.ping(2_000),
    projector: async () => {
      const status = projector?.status() ?? { phase: 'starting' as const }
      if (status.phase === 'starting') throw new Error('The projector has not started yet')
      if ('cause' in status) throw status.cause
    },
  }
  const server = buildServer({ service: 'projector', logger, checks, registry: metrics.registry })
  const url = await server.listen({ host: config.HOST, port: config.PORT })
  logger.info({ url }, 'listening')
  return {
    url,
    close: async () => {
      closing.abort()
      await (await running)?.close()
      await closeWithin(server)
      await store.close()
      await pool.end()
    },
  }
}

async function migrated(options: {
  databaseUrl: string
  logger: Logger
  signal: AbortSignal
}): Promise<void> {
  const { databaseUrl, logger, signal } = options
  while (!signal.aborted) {
    try {
      const names = await migrate(databaseUrl)
      if (names.length > 0) logger.info({ names }, 'migrated the database')
      return
    } catch (err) {
      logger.error({ err }, 'the database cannot be migrated; trying again')
    }
    await wait(MIGRATE_AGAIN_MS, undefined, { signal }).catch(() => {})
  }
}
