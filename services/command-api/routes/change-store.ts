import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { z } from 'zod'
import { commandHeaders, oneStore, storeParams, upgradeStoreBody } from '#contracts'
import { callerOf, traceOf } from '#http'
import type { Commanded, CommandRequest } from '../change-store.ts'
import { upgradeFingerprintOf } from '../create-store.ts'

interface CommandOptions {
  commandStore: (request: CommandRequest) => Promise<Commanded>
}

const commands = [
  { method: 'DELETE', path: '', type: 'RequestDeletion', summary: 'Delete the store' },
  { method: 'POST', path: '/retry', type: 'RequestRetry', summary: 'Try a failed store again' },
  { method: 'POST', path: '/cancel', type: 'RequestCancel', summary: 'Give up a store under way' },
] as const

/** DELETE /api/stores/:id, POST …/retry, …/cancel and …/upgrade: a repetition is answered like the first. */
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
        const asked = { ...askedBy(request, request), command: { type } }
        return accept(reply, await commandStore(asked))
      },
    })
  app.post(
    '/api/stores/:id/upgrade',
    {
      config: { policy: 'write' },
      schema: {
        summary: 'Move a ready store to a larger plan, or to the chart and images of today',
        params: storeParams,
        headers: commandHeaders,
        body: upgradeStoreBody,
        response: { 202: oneStore },
      },
    },
    async (request, reply) => {
      const { plan } = request.body
      const fingerprint = upgradeFingerprintOf(request.body)
      const command = { type: 'RequestUpgrade', plan, fingerprint } as const
      return accept(reply, await commandStore({ ...askedBy(request, request), command }))
    },
  )
}

interface Parsed {
  params: z.output<typeof storeParams>
  headers: z.output<typeof commandHeaders>
}

function askedBy(request: FastifyRequest, parsed: Parsed): Omit<CommandRequest, 'command'> {
  const { tenantId, actor } = callerOf(request)
  return {
    storeId: parsed.params.id,
    tenantId,
    context: { correlationId: request.id, actor, ...traceOf(request) },
    key: parsed.headers['idempotency-key'],
    ifMatch: parsed.headers['if-match'],
  }
}

function accept(reply: FastifyReply, { view, position }: Commanded) {
  if (position !== undefined) reply.header('x-position', String(position))
  const etag = `"${view.revision}"`
  return reply
    .code(202)
    .headers({ location: `/api/stores/${view.id}`, 'retry-after': '2', etag })
    .send({ store: view })
}
