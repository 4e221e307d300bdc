import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { z } from 'zod'
import { commandHeaders, oneStore, storeParams, upgradeStoreBody } from '#contracts'
import type { ChangedStore, ChangeRequest } from '../change-store.ts'
import type { OpaqueIds } from '#http'
import { fingerprintOf, contextOf } from '../request.ts'

interface ChangeStoreOptions {
  ids: OpaqueIds
  changeStore: (request: ChangeRequest) => Promise<ChangedStore>
}

const commands = [
  { method: 'DELETE', path: '', type: 'RequestDeletion', summary: 'Delete the store' },
  { method: 'POST', path: '/retry', type: 'RequestRetry', summary: 'Try a failed store again' },
  {
    method: 'POST',
    path: '/cancel',
    type: 'RequestCancel',
    summary: 'Cancel a store that is being provisioned',
  },
] as const

const config = { policy: 'write', countsItself: true } as const

/** DELETE /api/stores/:id, POST …/retry, …/cancel and …/upgrade: a repetition gets the answer of the first. */
export const changeStoreRoutes: FastifyPluginAsyncZod<ChangeStoreOptions> = async (
  app,
  { ids, changeStore },
) => {
  const countOf = (request: FastifyRequest, reply: FastifyReply) => () =>
    app.countRequest(request, reply)
  for (const { method, path, type, summary } of commands)
    app.route({
      method,
      url: `/api/stores/:id${path}`,
      config,
      schema: {
        summary,
        params: storeParams,
        headers: commandHeaders,
        response: { 202: oneStore },
      },
      handler: async (request, reply) =>
        accept(
          reply,
          ids,
          await changeStore({
            ...parsedOf(request, request),
            command: { type },
            count: countOf(request, reply),
          }),
        ),
    })
  app.post(
    '/api/stores/:id/upgrade',
    {
      config,
      schema: {
        summary: 'Move a ready store to a larger plan, or to the current chart and images',
        params: storeParams,
        headers: commandHeaders,
        body: upgradeStoreBody,
        response: { 202: oneStore },
      },
    },
    async (request, reply) => {
      const { body } = request
      const fingerprint = fingerprintOf(body)
      const command = { type: 'RequestUpgrade', ...body, fingerprint } as const
      const count = countOf(request, reply)
      return accept(
        reply,
        ids,
        await changeStore({ ...parsedOf(request, request), command, count }),
      )
    },
  )
}

interface Parsed {
  params: z.output<typeof storeParams>
  headers: z.output<typeof commandHeaders>
}

function parsedOf(
  request: FastifyRequest,
  parsed: Parsed,
): Omit<ChangeRequest, 'command' | 'count'> {
  return {
    storeId: parsed.params.id,
    key: parsed.headers['idempotency-key'],
    preconditions: parsed.headers,
    context: contextOf(request),
  }
}

function accept(reply: FastifyReply, ids: OpaqueIds, { view, position, replayed }: ChangedStore) {
  if (position !== undefined) reply.header('x-position', ids.tokenOf(position, view.tenantId))
  if (replayed) reply.header('idempotency-replayed', 'true')
  const etag = `"${view.revision}"`
  return reply
    .code(202)
    .headers({ location: reply.server.linkTo(`/api/stores/${view.id}`), 'retry-after': '2', etag })
    .send({ store: view })
}
