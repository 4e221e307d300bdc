import {
  getStoreQuery,
  isNamed,
  matches,
  oneStore,
  positionHeaders,
  preconditionHeaders,
  storeParams,
} from '#contracts'
import { AppError } from '#domain'
import type { EventStore } from '#eventstore'
import { callerOf } from '#http'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { foldStore } from '../history.ts'
import type { ReadModels } from '../read-models/connection.ts'
import { readStore } from '../read-models/read-store.ts'

const schema = {
  summary: 'One store, now or as it was',
  params: storeParams,
  querystring: getStoreQuery,
  headers: positionHeaders.extend(preconditionHeaders.shape),
  response: { 200: oneStore, 304: z.undefined().describe('As in If-None-Match') },
}
const config = { policy: 'read' } as const

/** GET /api/stores/:id: from the read models; with `at`, or before they know it, folded from the log. */
export const getStoreRoute: FastifyPluginAsyncZod<{
  models: ReadModels
  store: EventStore
}> = async (app, { models, store }) => {
  app.get('/api/stores/:id', { config, schema }, async (request, reply) => {
    const { id: storeId } = request.params
    const { at } = request.query
    const { tenantId } = callerOf(request)
    const known = at === undefined ? await readStore(models, { tenantId, storeId }) : undefined
    const view = known ?? (await foldStore(store, { tenantId, storeId, at }))
    if (at === undefined && view.status === 'deleted')
      throw new AppError('STORE_DELETED', `The store was deleted at ${view.deletedAt}`)
    const etag = `"${view.revision}"`
    reply.header('etag', etag)
    if (!matches(request.headers, etag))
      throw new AppError('PRECONDITION_FAILED', 'The store is not as the request expects it')
    if (isNamed(request.headers, etag)) return reply.code(304).send(undefined)
    return reply.send({ store: view })
  })
}
