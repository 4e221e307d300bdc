import rateLimit from '@fastify/rate-limit'
import underPressure from '@fastify/under-pressure'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { setTimeout as wait } from 'node:timers/promises'
import { decodeTenantEvent } from '#contracts'
import {
  AppError,
  isSettingEvent,
  nothingSet,
  settingsAfter,
  settingsTypePrefix,
  tenantIdOfStream,
  type TenantLimits,
  type TenantSettings,
} from '#domain'
import type { Logger } from '#observability'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route counts its requests itself, because not all of them count. */
    countsItself?: boolean
  }
  interface FastifyRequest {
    isCounted: boolean
  }
  interface FastifyInstance {
    /** Counts a request once; throws RATE_LIMITED when it is one too many. */
    countRequest: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
  }
}

const WINDOW_SECONDS = 60

interface RateOptions {
  /** Of a tenant without a limit of its own. */
  perMinute: number
  limitsOf: LimitsOf
}

/** Limits the requests of each tenant per minute; every counted answer says how many are left. */
export function limitRate(app: FastifyInstance, { perMinute, limitsOf }: RateOptions): void {
  const maxOf = ({ caller }: FastifyRequest) =>
    (caller && limitsOf(caller.tenantId).requestsPerMinute) ?? perMinute
  app.register(rateLimit, {
    global: false,
    max: maxOf,
    timeWindow: WINDOW_SECONDS * 1_000,
    cache: 10_000,
    keyGenerator: ({ caller, clientAddress }) => caller?.tenantId ?? clientAddress,
  })
  let count: ReturnType<FastifyInstance['createRateLimit']> | undefined
  app.after(() => {
    count = app.createRateLimit()
  })
  app.decorateRequest('isCounted', false)
  app.decorate('countRequest', async (request, reply) => {
    if (request.isCounted) return
    request.isCounted = true
    const limit = await count?.(request)
    if (limit === undefined || limit.isAllowed) return
    const { max, remaining, ttlInSeconds, isExceeded } = limit
    reply.header('ratelimit-policy', `"default";q=${max};w=${WINDOW_SECONDS}`)
    reply.header('ratelimit', `"default";r=${remaining};t=${ttlInSeconds}`)
    if (!isExceeded) return
    reply.header('retry-after', String(ttlInSeconds))
    throw new AppError('RATE_LIMITED', `At most ${max} requests a minute`)
  })
  app.addHook('preHandler', async (request, reply) => {
    const { policy, countsItself } = request.routeOptions.config
    if (request.is404 || policy === 'public' || countsItself === true) return
    await app.countRequest(request, reply)
  })
}

const SAMPLE_MS = 500

/** Refuses requests with 503 while the process is too busy to serve them in time; health keeps answering. */
export function shedLoad(app: FastifyInstance, loopDelayMaxMs: number): void {
  const lateMs = latenessOf(app)
  app.register(underPressure, {
    maxEventLoopDelay: loopDelayMaxMs,
    sampleInterval: SAMPLE_MS,
    pressureHandler: async (request, _reply, _type, delayMs) => {
      if (request.routeOptions.config.policy === 'public') return
      // The plugin calls the delay infinite when it has no sample: one turn of the loop took the whole interval.
      if (delayMs === Infinity && lateMs() <= loopDelayMaxMs) return
      throw new AppError('OVERLOADED', 'The service is too busy')
    },
  })
}

/** How late the newest of the timers was that come every SAMPLE_MS. */
function latenessOf(app: FastifyInstance): () => number {
  let lateMs = 0
  let firedAt = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    lateMs = now - firedAt - SAMPLE_MS
    firedAt = now
  }, SAMPLE_MS).unref()
  app.addHook('onClose', async () => clearInterval(timer))
  return () => lateMs
}

/** The limits that are set for a tenant, as far as this process has heard. */
export type LimitsOf = (tenantId: string) => TenantLimits

/** What following needs of the event store. */
interface SettingsLog {
  subscribeToAll: (options: {
    typePrefix: string
    signal: AbortSignal
  }) => AsyncIterable<Stored | { caughtUp: true } | { checkpoint: bigint }>
}

interface Stored {
  type: string
  data: unknown
  stream: string
  revision: bigint
}

interface FollowOptions {
  store: SettingsLog
  signal: AbortSignal
  logger: Logger
}

const RETRY_MS = 1_000

/**
 * Follows what is set for tenants from the log's beginning until the signal aborts. Until it has read a tenant's, the
 * defaults count: this is for what may be a moment late, such as rates; quotas are decided on the tenant's stream.
 */
export function followLimits({ store, signal, logger }: FollowOptions): LimitsOf {
  const known = new Map<string, TenantSettings>()
  const apply = (stored: Stored) => {
    const tenantId = tenantIdOfStream(stored.stream)
    const event = tenantId === undefined ? undefined : decodeTenantEvent(stored)
    if (tenantId === undefined || event === undefined || !isSettingEvent(event)) return
    known.set(tenantId, settingsAfter(known.get(tenantId) ?? nothingSet, event))
  }
  const follow = async () => {
    for await (const item of store.subscribeToAll({ typePrefix: settingsTypePrefix, signal })) {
      if (!('type' in item)) continue
      try {
        apply(item)
      } catch (err) {
        logger.error({ err, stream: item.stream }, 'what is set for a tenant cannot be read')
      }
    }
  }
  const followForEver = async () => {
    while (!signal.aborted) {
      await follow().catch((err: unknown) => logger.warn({ err }, 'limits are read again'))
      await wait(RETRY_MS, undefined, { signal }).catch(() => undefined)
      if (!signal.aborted) known.clear()
    }
  }
  void followForEver()
  return (tenantId) => known.get(tenantId)?.limits ?? nothingSet.limits
}
