import type { FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { isNamed, type ListStoresQuery, matches, operations, routeOf } from '#contracts'
import { AppError, storeStatuses } from '#domain'
import type { EventStore } from '#eventstore'
import { callerOf, type OpaqueIds } from '#http'
import { foldStore, listEvents } from '../history.ts'
import type { ReadModels } from '../read-models/connection.ts'
import { countByStatus, listStores, readStore } from '../read-models/list-stores.ts'

const list = routeOf(operations.listStores)

/** GET /stores: the tenant's stores, a page at a time. */
export const listStoresRoute: FastifyPluginAsyncZod<{ models: ReadModels }> = async (
  app,
  { models },
) => {
  const preValidation = async (request: FastifyRequest) => {
    request.query = foldLabels(request.query)
  }
  for (const { url } of list.addresses)
    app.get(url, { ...list, preValidation }, async (request, reply) => {
      const { tenantId } = callerOf(request)
      const page = await listStores(models, { tenantId, query: request.query })
      const { nextCursor } = page.pagination
      if (nextCursor !== null) {
        const next = app.linkTo(`${url}?${nextPage(request.query, nextCursor)}`)
        reply.header('link', `<${next}>; rel="next"`)
      }
      return reply.send(page)
    })
}

const labelParameter = /^label(?:\.(.+)|\[(.+)\])$/

/** `label.team=shop` and `label[team]=shop` are one entry of `label`. */
function foldLabels(query: unknown): Record<string, unknown> {
  const parameters = Object.entries(query ?? {})
  const labels = parameters.flatMap(([name, value]) => {
    const [, dotted, bracketed] = labelParameter.exec(name) ?? []
    const key = dotted ?? bracketed
    return key === undefined ? [] : [[key, value]]
  })
  const others = parameters.filter(([name]) => !labelParameter.test(name))
  if (labels.length > 0) others.push(['label', Object.fromEntries(labels)])
  return Object.fromEntries(others)
}

function nextPage(query: ListStoresQuery, cursor: string): string {
  const { offset: _, label = {}, ...kept } = { ...query, cursor }
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(kept))
    if (value !== undefined) parameters.set(name, String(value))
  for (const [key, value] of Object.entries(label)) parameters.set(`label.${key}`, value)
  return parameters.toString()
}

const count = routeOf(operations.countStores)

/** GET /stores/counts: how many there are of each status. */
export const countStoresRoute: FastifyPluginAsyncZod<{ models: ReadModels }> = async (
  app,
  { models },
) => {
  for (const { url } of count.addresses)
    app.get(url, count, async (request, reply) => {
      const found = await countByStatus(models, callerOf(request).tenantId)
      const all = storeStatuses.map((status) => [status, found.get(status) ?? 0] as const)
      const total = all.reduce((sum, [status, n]) => sum + (status === 'deleted' ? 0 : n), 0)
      return reply.send({ counts: Object.fromEntries(all), total })
    })
}

const one = routeOf(operations.getStore)

/** GET /stores/:id: from the read models; with `at`, or before they know it, folded from the log. */
export const getStoreRoute: FastifyPluginAsyncZod<{
  models: ReadModels
  store: EventStore
}> = async (app, { models, store }) => {
  for (const { url } of one.addresses)
    app.get(url, one, async (request, reply) => {
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

const { schema, config, addresses } = routeOf(operations.listStoreEvents)

/** GET /stores/:id/events: the store's stream itself, also after its deletion. */
export const listEventsRoute: FastifyPluginAsyncZod<{ store: EventStore; ids: OpaqueIds }> = async (
  app,
  { store, ids },
) => {
  for (const { base, url } of addresses)
    app.get(url, { schema, config: { ...config, readsLog: true } }, async (request, reply) => {
      const { id: storeId } = request.params
      const { tenantId } = callerOf(request)
      const page = await listEvents({ store, ids }, { tenantId, storeId, ...request.query })
      const { nextFrom, limit } = page.pagination
      if (nextFrom !== null) {
        const { tenant } = request.query
        const named = tenant === undefined ? '' : `&tenant=${tenant}`
        const next = app.linkTo(
          `${base}/stores/${storeId}/events?from=${nextFrom}&limit=${limit}${named}`,
        )
        reply.header('link', `<${next}>; rel="next"`)
      }
      return reply.send(page)
    })
}
