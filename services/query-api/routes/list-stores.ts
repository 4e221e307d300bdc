import { listStoresQuery, positionHeaders, storePage, type ListStoresQuery } from '#contracts'
import { callerOf } from '#http'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { listStores } from '../read-models/list-stores.ts'
import type { ReadModels } from '../read-models/connection.ts'

const schema = {
  summary: 'List stores',
  querystring: listStoresQuery,
  headers: positionHeaders,
  response: { 200: storePage },
}
const config = { policy: 'read' } as const

/** GET /api/stores: the tenant's stores, a page at a time. */
export const listStoresRoute: FastifyPluginAsyncZod<{ models: ReadModels }> = async (
  app,
  { models },
) => {
  app.get('/api/stores', { config, schema }, async (request, reply) => {
    const { tenantId } = callerOf(request)
    const page = await listStores(models, { tenantId, query: request.query })
    const { nextCursor } = page.pagination
    if (nextCursor !== null) {
      const next = app.linkTo(nextPage(request.query, nextCursor))
      reply.header('link', `<${next}>; rel="next"`)
    }
    return reply.send(page)
  })
}

function nextPage(query: ListStoresQuery, cursor: string): string {
  const { offset: _, ...kept } = { ...query, cursor }
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(kept))
    if (value !== undefined) parameters.set(name, String(value))
  return `/api/stores?${parameters.toString()}`
}
