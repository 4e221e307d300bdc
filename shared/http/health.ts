import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { kindOfError, limitLines, type Logger } from '#observability'

/** Resolves when a dependency of this service answers; throws, or lets the signal end it, when it does not. */
export type HealthCheck = (signal: AbortSignal) => Promise<unknown>

interface HealthOptions {
  service: string
  checks: Record<string, HealthCheck>
  /** Checks of which one that passes is enough: the others degrade the service. */
  alternatives?: Record<string, HealthCheck>
  /** A check that has not passed by then is failing. */
  timeoutMs?: number | undefined
}

/**
 * `/health` and `/health/live`: the process answers. `/health/ready`: 503 naming each check that fails; 200 where only
 * some of the alternatives fail, which are named as degraded.
 */
export function serveHealth(app: FastifyInstance, options: HealthOptions): void {
  const { service, checks, alternatives = {}, timeoutMs } = options
  const config = { policy: 'public' } as const
  const schema = { hide: true }
  const limited = limitLines()
  const alive = () => ({ status: 'ok', service })
  app.get('/health', { config, schema }, alive)
  app.get('/health/live', { config, schema }, alive)
  app.get('/health/ready', { config, schema }, async (request, reply) => {
    const failuresOf = async (asked: Record<string, HealthCheck>, says: string) => {
      const failures = await Promise.all(
        Object.entries(asked).map(async ([name, check]) => {
          const error = await failureOf(check, timeoutMs)
          if (error === undefined) return []
          limited(`${name} ${kindOfError(error)}`, (counted) =>
            request.log.warn({ err: error, check: name, ...counted }, says),
          )
          return [name]
        }),
      )
      return failures.flat()
    }
    const [needed, without] = await Promise.all([
      failuresOf(checks, 'not ready'),
      failuresOf(alternatives, 'degraded'),
    ])
    const noneIsLeft = without.length === Object.keys(alternatives).length
    const failing = noneIsLeft ? [...needed, ...without] : needed
    const degraded = noneIsLeft ? [] : without
    const statusOf = (name: string) =>
      failing.includes(name) ? 'failing' : degraded.includes(name) ? 'degraded' : 'ok'
    const names = Object.keys({ ...checks, ...alternatives })
    return reply
      .code(failing.length === 0 ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({
        status: wholeStatus(failing, degraded),
        service,
        checks: Object.fromEntries(names.map((name) => [name, { status: statusOf(name) }])),
        failing,
        degraded,
      })
  })
}

/** What readiness says in a word; `degraded` is answered 200 too. */
export function wholeStatus(failing: readonly string[], degraded: readonly string[]): string {
  if (failing.length > 0) return 'unavailable'
  return degraded.length > 0 ? 'degraded' : 'ok'
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
