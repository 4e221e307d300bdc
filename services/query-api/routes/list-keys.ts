import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { keyViewOf, operations, routeOf } from '#contracts'
import { anyTenant } from '#domain'
import { callerOf, type KeyRing } from '#http'

const list = routeOf(operations.listKeys)

/** GET /keys: the tenant's, or all of them for an operator who names none. */
export const listKeysRoute: FastifyPluginAsyncZod<{ keys: KeyRing }> = async (app, { keys }) => {
  for (const { url } of list.addresses)
    app.get(url, list, async (request, reply) => {
      const { tenantId } = callerOf(request)
      const shown = keys.list().filter((key) => [key.tenantId, anyTenant].includes(tenantId))
      return reply.send({ keys: shown.map((key) => keyViewOf(key, key)) })
    })
}
