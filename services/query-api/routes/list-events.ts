import { eventPage, listEventsQuery, positionHeaders, storeParams } from '#contracts'
import type { EventStore } from '#eventstore'
import { callerOf, type OpaqueIds } from '#http'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { listEvents } from '../history.ts'

const schema = {
  summary: 'What happened to a store',
  params: storeParams,
  querystring: listEventsQuery,
  headers: positionHeaders,
  response: { 200: eventPage },
}
const config = { policy: 'read', readsLog: true } as const

/** GET /api/stores/:id/events: the store's stream itself, also after its deletion. */
export const listEventsRoute: FastifyPluginAsyncZod<{ store: EventStore; ids: OpaqueIds }> = async (
  app,
  { store, ids },
) => {
  app.get('/api/stores/:id/events', { config, schema }, async (request, reply) => {
    const { id: storeId } = request.params
    const { tenantId } = callerOf(request)
    const page = await listEvents({ store, ids }, { tenantId, storeId, ...request.query })
    const { nextFrom, limit } = page.pagination
    if (nextFrom !== null) {
      const next = `/api/stores/${storeId}/events?from=${nextFrom}&limit=${limit}`
      reply.header('link', `<${app.linkTo(next)}>; rel="next"`)
    }
    return reply.send(page)
  })
}
