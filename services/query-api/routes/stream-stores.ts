import { Readable } from 'node:stream'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { operations, routeOf } from '#contracts'
import { callerOf } from '#http'
import { admission, liveChanges, type LiveDependencies } from '../live-changes.ts'

const { addresses, schema, config } = routeOf(operations.streamStores)

const AGE_MAX_MS = 15 * 60_000

/**
 * GET /stores/stream: each change of the tenant's stores, or of one; of all tenants' for an operator who names none.
 * `Last-Event-ID` resumes after a break.
 */
export const streamStoresRoute: FastifyPluginAsyncZod<LiveDependencies> = async (app, live) => {
  const closing = new AbortController()
  const admit = admission({ perTenantMax: 50, what: 'streams' })
  app.addHook('preClose', async () => closing.abort())
  for (const { url } of addresses)
    app.get(url, { config, schema }, async (request, reply) => {
      const { tenantId, expiresAt = Infinity, ended: refused } = callerOf(request)
      const leave = admit(tenantId)
      const ended = new AbortController()
      reply.raw.on('close', () => {
        ended.abort()
        leave()
      })
      // After the token's expiry the client comes back with a new one.
      const ageMs = Math.min(AGE_MAX_MS, Math.max(0, expiresAt - Date.now()))
      const signals = [closing.signal, ended.signal, AbortSignal.timeout(ageMs)]
      // A revoked key's stream ends at once.
      if (refused !== undefined) signals.push(refused)
      const signal = AbortSignal.any(signals)
      const id = request.headers['last-event-id']
      const last = id === undefined ? undefined : (live.ids.positionOf(id, tenantId) ?? 'unknown')
      const changes = liveChanges(live, { tenantId, storeId: request.query.store, last, signal })
      return reply
        .type('text/event-stream')
        .headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
        .send(Readable.from(changes, { objectMode: false, highWaterMark: 16 * 1024 }))
    })
}
