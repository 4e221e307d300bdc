import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { kindOfError, limitLines, type Logger } from '#observability'

/** Resolves when a dependency of this service answers; throws, or lets the signal end it, when it does not. */
export type HealthCheck = (signal: AbortSignal) => Promise<unknown>

interface HealthOptions {
  service: string
  checks: Record<string, HealthCheck>
  /** A check that has not passed by then is failing. */
  timeoutMs?: number | undefined
}

/** `/health` and `/health/live`: the process answers. `/health/ready`: 503 naming each check that fails. */
export function serveHealth(app: FastifyInstance, options: HealthOptions): void {
  const { service, checks, timeoutMs } = options
  const config = { policy: 'public' } as const
  const schema = { hide: true }
  const limited = limitLines()
  const alive = () => ({ status: 'ok', service })
  app.get('/health', { config, schema }, alive)
  app.get('/health/live', { config, schema }, alive)
  app.get('/health/ready', { config, schema }, async (request, reply) => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => {
        const error = await failureOf(check, timeoutMs)
        if (error !== undefined)
          limited(`${name} ${kindOfError(error)}`, (counted) =>
            request.log.warn({ err: error, check: name, ...counted }, 'not ready'),
          )
        return [name, { status: error === undefined ? 'ok' : 'failing' }] as const
      }),
    )
    const failing = results.filter(([, { status }]) => status !== 'ok').map(([name]) => name)
    const status = failing.length === 0 ? 'ok' : 'unavailable'
    return reply
      .code(failing.length === 0 ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status, service, checks: Object.fromEntries(results), failing })
  })
}

/** Why a check fails; undefined when it passes. */
async function failureOf(check: HealthCheck, timeoutMs = 2_000): Promise<unknown> {
  const late = new AbortController()
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.abort()
    reject(new Error(`no answer in ${timeoutMs} ms`))
  }, timeoutMs)
  try {
    await Promise.race([check(late.signal), promise])
    return undefined
  } catch (error) {
    return error ?? new Error('failed without a reason')
  } finally {
    clearTimeout(timer)
  }
}

interface ReportOptions {
  checks: Record<string, HealthCheck>
  logger: Logger
  signal: AbortSignal
}

const PAUSE_MAX_MS = 10_000
/** Dependencies that start together answer within some seconds: until then nothing is wrong. */
const STARTING_MS = 5_000

/** Runs the checks of a starting service, again and again with longer pauses, until all pass; logs those that fail. */
export async function reportReadiness({ checks, logger, signal }: ReportOptions): Promise<void> {
  const startedAt = performance.now()
  for (let tries = 1; !signal.aborted; tries++) {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => ({ name, err: await failureOf(check) })),
    )
    const failing = results.filter(({ err }) => err !== undefined)
    if (failing.length === 0) return logger.info({ tries }, 'ready')
    const isStarting = performance.now() - startedAt < STARTING_MS
    for (const { name, err } of failing)
      if (isStarting)
        logger.info({ check: name, tries, reason: reasonOf(err) }, 'waiting for a dependency')
      else logger.warn({ check: name, tries, err }, 'waiting for a dependency that does not answer')
    const pauseMs = Math.min(250 * 2 ** (tries - 1), PAUSE_MAX_MS)
    await wait(pauseMs, undefined, { signal }).catch(() => {})
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
