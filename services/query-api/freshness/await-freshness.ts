import type { FastifyInstance } from 'fastify'
import type { Freshness } from './freshness.ts'

interface FreshnessOptions {
  freshness: Freshness
  /** Seconds the read models are behind. */
  lagSeconds: () => number | undefined
}

/** Read your writes: a GET with `X-Position` waits for it, and every answer says how far the read models are. */
export function awaitFreshness(app: FastifyInstance, options: FreshnessOptions): void {
  const { freshness, lagSeconds } = options
  app.addHook('preHandler', async (request, reply) => {
    if (request.is404 || request.routeOptions.config.policy === 'public') return
    const wanted: unknown = request.headers['x-position']
    if (typeof wanted === 'bigint') await freshness.reached(wanted)
    reply.header('x-position', String(freshness.position()))
    const seconds = lagSeconds()
    if (seconds !== undefined) reply.header('x-read-lag', String(seconds))
  })
}
