import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { type KeyView, operations, routeOf } from '#contracts'
import { anyTenant } from '#domain'
import { callerOf, type KeyRing, type KnownKey } from '#http'

const list = routeOf(operations.listKeys)

/** GET /keys: the tenant's, or all of them for an operator who names none. */
export const listKeysRoute: FastifyPluginAsyncZod<{ keys: KeyRing }> = async (app, { keys }) => {
  for (const { url } of list.addresses)
    app.get(url, list, async (request, reply) => {
      const { tenantId } = callerOf(request)
      const shown = keys.list().filter((key) => [key.tenantId, anyTenant].includes(tenantId))
      return reply.send({ keys: shown.map(viewOf) })
    })
}

/** Without its hash. */
function viewOf(known: KnownKey): KeyView {
  const { hash: _, expiresAt = null, revokedAt = null, ...key } = known
  return { ...key, expiresAt, revokedAt }
}
