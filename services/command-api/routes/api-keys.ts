import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { operations, routeOf } from '#contracts'
import type { apiKeys } from '../api-keys.ts'
import { contextOf } from './request.ts'

const create = routeOf(operations.createKey)
const revoke = routeOf(operations.revokeKey)

/** POST /keys and DELETE /keys/:id. */
export const apiKeyRoutes: FastifyPluginAsyncZod<{ keys: ReturnType<typeof apiKeys> }> = async (
  app,
  { keys },
) => {
  for (const { base, url } of create.addresses)
    app.post(url, create, async (request, reply) => {
      const { view, text } = await keys.create(request.body, contextOf(request))
      return reply.code(201).header('location', `${base}/keys`).send({ key: view, secret: text })
    })
  for (const { url } of revoke.addresses)
    app.delete(url, revoke, async (request, reply) =>
      reply.send({ key: await keys.revoke(request.params.id, contextOf(request)) }),
    )
}
