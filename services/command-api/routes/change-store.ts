import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { z } from 'zod'
import { type commandHeaders, operations, routeOf, type storeParams } from '#contracts'
import type { ChangedStore, ChangeRequest } from '../change-store.ts'
import { fingerprintOf, contextOf } from '../request.ts'

interface ChangeStoreOptions {
  changeStore: (request: ChangeRequest) => Promise<ChangedStore>
}

const commands = [
  { operation: operations.deleteStore, type: 'RequestDeletion' },
  { operation: operations.retryStore, type: 'RequestRetry' },
  { operation: operations.cancelStore, type: 'RequestCancel' },
] as const
const upgrade = routeOf(operations.upgradeStore)

/** DELETE /stores/:id, POST …/retry, …/cancel and …/upgrade: a repetition gets the answer of the first. */
export const changeStoreRoutes: FastifyPluginAsyncZod<ChangeStoreOptions> = async (
  app,
  { changeStore },
) => {
  for (const { operation, type } of commands) {
    const { addresses, schema, config } = routeOf(operation)
    for (const { base, url } of addresses)
      app.route({
        method: operation.method,
        url,
        config,
        schema,
        handler: async (request, reply) => {
          const changed = await changeStore({ ...parsedOf(request, request), command: { type } })
          return accept(reply, base, changed)
        },
      })
  }
  const { schema, config } = upgrade
  for (const { base, url } of upgrade.addresses)
    app.post(url, { config, schema }, async (request, reply) => {
      const { body } = request
      const fingerprint = fingerprintOf(body)
      const command = { type: 'RequestUpgrade', ...body, fingerprint } as const
      return accept(reply, base, await changeStore({ ...parsedOf(request, request), command }))
    })
}

interface Parsed {
  params: z.output<typeof storeParams>
  headers: z.output<typeof commandHeaders>
}

function parsedOf(request: FastifyRequest, parsed: Parsed): Omit<ChangeRequest, 'command'> {
  return {
    storeId: parsed.params.id,
    key: parsed.headers['idempotency-key'],
    ifMatch: parsed.headers['if-match'],
    context: contextOf(request),
  }
}

function accept(reply: FastifyReply, base: string, { view, position }: ChangedStore) {
  if (position !== undefined) reply.header('x-position', String(position))
  const etag = `"${view.revision}"`
  return reply
    .code(202)
    .headers({ location: `${base}/stores/${view.id}`, 'retry-after': '2', etag })
    .send({ store: view })
}
