import { setTimeout as wait } from 'node:timers/promises'
import { openEventStore } from '#eventstore'
import { buildServer, closeWithin, reportReadiness } from '#http'
import { createLogger, type Logger } from '#observability'
import { migrate, openPool } from '#postgres'
import type { ProjectorConfig } from './config.ts'
import { createMetrics } from './metrics.ts'
import { type Projector, startProjector } from './projector.ts'

/** Starts the projector: it listens at once, and `/health/ready` names what it waits for. */
export async function start(
  config: ProjectorConfig,
): Promise<{ url: string; close: () => Promise<void> }> {
  const { DATABASE_URL: databaseUrl, PROJECTOR_BATCH: batchMax } = config
  const { PROJECTOR_SILENCE_MS: silenceMs } = config
  const logger = createLogger({ service: 'projector', level: config.LOG_LEVEL })
  const metrics = createMetrics()
  const pool = openPool({ url: databaseUrl, logger, max: 2 })
  const store = openEventStore({ connectionString: config.EVENTSTORE_URL, logger })
  const closing = new AbortController()
  const { signal } = closing
  let projector: Projector | undefined

  const checks = {
    postgres: () => pool.query('select 1'),
    eventStore: () => store.ping(2_000),
    projector: async () => assertRunning(projector),
  }
  const server = buildServer({ service: 'projector', logger, checks, registry: metrics.registry })
  const dependencies = [() => store.close(), () => pool.end()]
  const url = await server.listen({ host: config.HOST, port: config.PORT }).catch(async (error) => {
    await closeWithin(server, { dependencies })
    throw error
  })
  logger.info({ url }, 'listening')
  const startWhenMigrated = async () => {
    if (await migrateWhenUp({ databaseUrl, logger, signal }))
      projector = startProjector({ databaseUrl, store, logger, metrics, batchMax, silenceMs })
  }
  const projecting = startWhenMigrated()
  const reporting = reportReadiness({ checks, logger, signal })
  return {
    url,
    close: async () => {
      closing.abort()
      const tasks = [() => projecting, () => reporting, async () => projector?.close()]
      await closeWithin(server, { dependencies: [...tasks, ...dependencies] })
    },
  }
}

function assertRunning(projector: Projector | undefined): void {
  const status = projector?.status() ?? { phase: 'starting' as const }
  if (status.phase === 'starting') throw new Error('The projector has not started yet')
  if ('cause' in status) throw status.cause
}

const RETRY_FIRST_MS = 250
const RETRY_MAX_MS = 5_000

/** Migrates the database as soon as it answers; false when the signal was aborted first. */
async function migrateWhenUp(options: {
  databaseUrl: string
  logger: Logger
  signal: AbortSignal
}): Promise<boolean> {
  const { databaseUrl, logger, signal } = options
  for (
    let pauseMs = RETRY_FIRST_MS;
    !signal.aborted;
    pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS)
  ) {
    try {
      const names = await migrate(databaseUrl)
      if (names.length > 0) logger.info({ names }, 'migrated the database')
      return true
    } catch (err) {
      logger.error({ err }, 'the database cannot be migrated; trying again')
    }
    await wait(pauseMs, undefined, { signal }).catch(() => {})
  }
  return false
}
