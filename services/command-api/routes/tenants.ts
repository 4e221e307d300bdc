import type { FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { limitsIn, operations, routeOf, settingsViewOf } from '#contracts'
import { anyTenant, AppError } from '#domain'
import { callerOf, type OpaqueIds } from '#http'
import { contextOf, type RequestContext } from './request.ts'
import type { StoreQuota } from '../store-quota.ts'

interface TenantOptions {
  ids: OpaqueIds
  quota: Pick<StoreQuota, 'setTenant'>
}

const set = routeOf(operations.setTenant)

/** PUT /tenants/:id: what the tenant may, as events in its own stream. */
export const tenantRoutes: FastifyPluginAsyncZod<TenantOptions> = async (app, { ids, quota }) => {
  for (const { url } of set.addresses)
    app.put(url, set, async (request, reply) => {
      const { id } = request.params
      const { suspended } = request.body
      const wanted = { limits: limitsIn(request.body), suspended, preconditions: request.headers }
      const { settings, position } = await quota.setTenant(wanted, operatorFor(id, request))
      if (position !== undefined)
        reply.header('x-position', ids.tokenOf(position, callerOf(request).tenantId))
      reply.header('etag', `"${settings.version}"`)
      return reply.send({ tenant: settingsViewOf(id, settings) })
    })
}

/** Who sets it and for whom; an operator may name the tenant by X-Tenant too, but no other one. */
function operatorFor(tenantId: string, request: FastifyRequest): RequestContext {
  const context = contextOf(request)
  const isNamed = request.headers['x-tenant'] !== undefined && context.tenantId !== anyTenant
  if (isNamed && context.tenantId !== tenantId)
    throw new AppError('REQUEST_INVALID', 'X-Tenant names another tenant than the address')
  return { ...context, tenantId, asOperator: true }
}
