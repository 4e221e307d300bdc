import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { operations, type RequestStoreBody, routeOf, type StoreView, storeViewOf } from '#contracts'
import { AppError, store, type StoreParameters, type StoreRequested } from '#domain'
import type { CreatedStore, CreateRequest } from '../create-store.ts'
import type { OpaqueIds } from '#http'
import { contextOf } from './request.ts'

interface CreateStoreOptions {
  ids: OpaqueIds
  /** Languages a WooCommerce shop can be set up with. */
  locales?: string[] | undefined
  createStore: (request: CreateRequest) => Promise<CreatedStore>
}

const { addresses, schema, config } = routeOf(operations.createStore)

/** POST /stores: accepts the request; a provisioner does the work. */
export const createStoreRoute: FastifyPluginAsyncZod<CreateStoreOptions> = async (
  app,
  { ids, locales = ['en_US'], createStore },
) => {
  const counting = { ...config, countsItself: true }
  for (const { base, url } of addresses)
    app.post(url, { config: counting, schema }, async (request, reply) => {
      refuseUnknownLocale(request.body, locales)
      const { requested, position, replayed } = await createStore({
        body: request.body,
        key: request.headers['idempotency-key'],
        context: contextOf(request),
        count: () => app.countRequest(request, reply),
      })
      if (position !== undefined)
        reply.header('x-position', ids.tokenOf(position, requested.tenantId))
      if (replayed) reply.header('idempotency-replayed', 'true')
      return reply
        .code(202)
        .headers({
          location: app.linkTo(`${base}/stores/${requested.storeId}`),
          'retry-after': '2',
          etag: '"0"',
        })
        .send({ store: viewOf(requested) })
    })
}

/** Its pages would come up in English, and nobody would know why. Throws REQUEST_INVALID. */
function refuseUnknownLocale({ parameters }: RequestStoreBody, known: string[]): void {
  const { locale }: StoreParameters = { ...parameters }
  if (locale === undefined || known.includes(locale)) return
  throw new AppError(
    'REQUEST_INVALID',
    `parameters.locale: this installation has ${known.join(', ')}; its operator can add more by WOOCOMMERCE_LOCALES`,
  )
}

// From the first event alone, so that every repetition gets the same body, whatever has happened since.
function viewOf(data: StoreRequested): StoreView {
  const state = store.evolve(store.initialState(), { type: 'StoreRequested', data })
  if (state.status === 'absent') throw new Error('A requested store is absent')
  return storeViewOf(state, { updatedAt: data.requestedAt, revision: 0n })
}
