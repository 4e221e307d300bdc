import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from '#observability'
import { migrate } from '#postgres'

const AGAIN_FIRST_MS = 250
const AGAIN_MAX_MS = 5_000

/** Migrates the database as soon as it is there; false when the signal was aborted before. */
export async function migrateWhenUp(options: {
  databaseUrl: string
  logger: Logger
  signal: AbortSignal
}): Promise<boolean> {
  const { databaseUrl, logger, signal } = options
  for (
    let pauseMs = AGAIN_FIRST_MS;
    !signal.aborted;
    pauseMs = Math.min(pauseMs * 2, AGAIN_MAX_MS)
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
