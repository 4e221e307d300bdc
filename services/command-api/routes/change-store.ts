import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { z } from 'zod'
import { type commandHeaders, operations, routeOf, type storeParams } from '#contracts'
import type { ChangedStore, ChangeRequest } from '../change-store.ts'
import type { OpaqueIds } from '#http'
import { fingerprintOf, contextOf } from './request.ts'

interface ChangeStoreOptions {
  ids: OpaqueIds
  changeStore: (request: ChangeRequest) => Promise<ChangedStore>
}

const commands = [
  { operation: operations.deleteStore, type: 'RequestDeletion' },
  { operation: operations.retryStore, type: 'RequestRetry' },
  { operation: operations.cancelStore, type: 'RequestCancel' },
] as const
const upgrade = routeOf(operations.upgradeStore)
const patch = routeOf(operations.changeStore)

/** DELETE and PATCH /stores/:id, POST …/retry, …/cancel and …/upgrade: a repetition gets the answer of the first. */
export const changeStoreRoutes: FastifyPluginAsyncZod<ChangeStoreOptions> = async (
  app,
  { ids, changeStore },
) => {
  const countOf = (request: FastifyRequest, reply: FastifyReply) => () =>
    app.countRequest(request, reply)
  for (const { operation, type } of commands) {
    const { addresses, schema, config } = routeOf(operation)
    for (const { base, url } of addresses)
      app.route({
        method: operation.method,
        url,
        config: { ...config, countsItself: true },
        schema,
        handler: async (request, reply) => {
          const count = countOf(request, reply)
          const parsed = parsedOf(request, request)
          const changed = await changeStore({ ...parsed, command: { type }, count })
          return accept(reply, { ids, base }, changed)
        },
      })
  }
  const { schema, config } = upgrade
  for (const { base, url } of upgrade.addresses)
    app.post(url, { config: { ...config, countsItself: true }, schema }, async (request, reply) => {
      const { body } = request
      const fingerprint = fingerprintOf(body)
      const command = { type: 'RequestUpgrade', ...body, fingerprint } as const
      const count = countOf(request, reply)
      const changed = await changeStore({ ...parsedOf(request, request), command, count })
      return accept(reply, { ids, base }, changed)
    })
  const patching = { config: { ...patch.config, countsItself: true }, schema: patch.schema }
  for (const { url } of patch.addresses)
    app.patch(url, patching, async (request, reply) => {
      const { body: changes } = request
      const fingerprint = fingerprintOf(changes)
      const command = { type: 'RequestChange', changes, fingerprint } as const
      const count = countOf(request, reply)
      const changed = await changeStore({ ...parsedOf(request, request), command, count })
      return tell(reply, ids, changed).code(200).send({ store: changed.view })
    })
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

interface Answering {
  ids: OpaqueIds
  base: string
}

function accept(reply: FastifyReply, { ids, base }: Answering, changed: ChangedStore) {
  const { view } = changed
  return tell(reply, ids, changed)
    .code(202)
    .headers({ location: reply.server.linkTo(`${base}/stores/${view.id}`), 'retry-after': '2' })
    .send({ store: view })
}

function tell(reply: FastifyReply, ids: OpaqueIds, { view, position, replayed }: ChangedStore) {
  if (position !== undefined) reply.header('x-position', ids.tokenOf(position, view.tenantId))
  if (replayed) reply.header('idempotency-replayed', 'true')
  return reply.header('etag', `"${view.revision}"`)
}
