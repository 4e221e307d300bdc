import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from '#observability'
import { failureOf, type HealthCheck } from './serve-health.ts'

interface ReportOptions {
  checks: Record<string, HealthCheck>
  logger: Logger
  signal: AbortSignal
}

const PAUSE_MAX_MS = 10_000

/** Looks at each part a starting service needs, again and again with longer pauses, until all answer; says how it stands. */
export async function reportParts({ checks, logger, signal }: ReportOptions): Promise<void> {
  for (let tries = 1; !signal.aborted; tries++) {
    const results = await Promise.all(
      Object.entries(checks).map(async ([part, check]) => ({ part, err: await failureOf(check) })),
    )
    const failing = results.filter(({ err }) => err !== undefined)
    if (failing.length === 0) return logger.info({ tries }, 'ready')
    for (const { part, err } of failing)
      logger.warn({ part, tries, err }, 'waiting for a part that does not answer')
    const pauseMs = Math.min(250 * 2 ** (tries - 1), PAUSE_MAX_MS)
    await wait(pauseMs, undefined, { signal }).catch(() => {})
  }
}
