import { commandHeaders, oneStore, storeParams } from '#contracts'
import { callerOf, traceOf } from '#http'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { CommandRequest, Commanded } from '../command-store.ts'

interface CommandOptions {
  commandStore: (request: CommandRequest) => Promise<Commanded>
}

const commands = [
  { method: 'DELETE', path: '', type: 'RequestDeletion', summary: 'Delete the store' },
  { method: 'POST', path: '/retry', type: 'RequestRetry', summary: 'Try a failed store again' },
  { method: 'POST', path: '/cancel', type: 'RequestCancel', summary: 'Give up a store under way' },
] as const

/** DELETE /api/stores/:id, POST …/retry and …/cancel: a repetition is answered like the first. */
export const commandRoutes: FastifyPluginAsyncZod<CommandOptions> = async (
  app,
  { commandStore },
) => {
  for (const { method, path, type, summary } of commands)
    app.route({
      method,
      url: `/api/stores/:id${path}`,
      config: { policy: 'write' },
      schema: {
        summary,
        params: storeParams,
        headers: commandHeaders,
        response: { 202: oneStore },
      },
      handler: async (request, reply) => {
        const { tenantId, actor } = callerOf(request)
        const { view, position } = await commandStore({
          storeId: request.params.id,
          tenantId,
          type,
          context: { correlationId: request.id, actor, ...traceOf(request) },
          key: request.headers['idempotency-key'],
          ifMatch: request.headers['if-match'],
        })
        if (position !== undefined) reply.header('x-position', String(position))
        const etag = `"${view.revision}"`
        return reply
          .code(202)
          .headers({ location: `/api/stores/${view.id}`, 'retry-after': '2', etag })
          .send({ store: view })
      },
    })
}
