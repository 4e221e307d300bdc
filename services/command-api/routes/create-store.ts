import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { createHeaders, oneStore, requestStoreBody, type StoreView, storeViewOf } from '#contracts'
import type { StoreRequested } from '#domain'
import { callerOf, traceOf } from '#http'
import type { Accepted, StoreRequest } from '../create-store.ts'

interface RequestStoreOptions {
  requestStore: (request: StoreRequest) => Promise<Accepted>
}

const schema = {
  summary: 'Ask for a store',
  headers: createHeaders,
  body: requestStoreBody,
  response: { 202: oneStore },
}
const config = { policy: 'write', countsItself: true } as const

/** POST /api/stores: accepts the request; a provisioner does the work. */
export const requestStoreRoute: FastifyPluginAsyncZod<RequestStoreOptions> = async (
  app,
  { requestStore },
) => {
  app.post('/api/stores', { config, schema }, async (request, reply) => {
    const { tenantId, actor } = callerOf(request)
    const { requested, position, replayed } = await requestStore({
      tenantId,
      context: { correlationId: request.id, actor, ...traceOf(request) },
      body: request.body,
      key: request.headers['idempotency-key'],
      count: () => app.countRequest(request, reply),
    })
    if (position !== undefined) reply.header('x-position', String(position))
    if (replayed) reply.header('idempotency-replayed', 'true')
    return reply
      .code(202)
      .headers({ location: `/api/stores/${requested.storeId}`, 'retry-after': '2', etag: '"0"' })
      .send({ store: viewOf(requested) })
  })
}

// From the first event alone, so that every repetition gets the same body, whatever has happened since.
function viewOf(request: StoreRequested): StoreView {
  const state = { status: 'requested', request, attempt: 0, failures: 0, takeOvers: 0 } as const
  return storeViewOf(state, { updatedAt: request.requestedAt, revision: 0n })
}
