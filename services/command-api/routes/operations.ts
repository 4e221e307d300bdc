import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { operations as contract, routeOf } from '#contracts'
import { AppError } from '#domain'
import { callerOf, type OpaqueIds } from '#http'
import type { AnsweredOperation, Operations } from '../operations/request-operation.ts'
import { contextOf } from './request.ts'

interface OperationOptions {
  ids: OpaqueIds
  operations: Operations
}

const request = routeOf(contract.requestOperation)
const cancel = routeOf(contract.cancelOperation)

/** POST /operations and /operations/:id/cancel. */
export const operationRoutes: FastifyPluginAsyncZod<OperationOptions> = async (
  app,
  { ids, operations },
) => {
  for (const { base, url } of request.addresses)
    app.post(url, request, async (asked, reply) => {
      const { body, headers } = asked
      if (body.action === 'delete') requireAdmin(asked)
      const { reason } = body
      const context = { ...contextOf(asked), ...(reason !== undefined && { reason }) }
      const position = positionIn(asked, ids)
      const given = { body, key: headers['idempotency-key'], position, context }
      if (body.dryRun === true) return reply.send({ dryRun: await operations.dryRun(given) })
      return accept(reply, { ids, base }, await operations.request(given))
    })
  for (const { base, url } of cancel.addresses)
    app.post(url, cancel, async (asked, reply) =>
      accept(reply, { ids, base }, await operations.cancel(asked.params.id, contextOf(asked))),
    )
}

function requireAdmin(asked: FastifyRequest): void {
  if (callerOf(asked).roles.includes('admin')) return
  throw new AppError('FORBIDDEN', 'An operation that deletes stores needs the role admin')
}

/** The position that the caller has seen. */
function positionIn(asked: FastifyRequest, ids: OpaqueIds): bigint | undefined {
  const token = asked.headers['x-position']
  if (token === undefined) return undefined
  const position = ids.positionOf(String(token), callerOf(asked).tenantId)
  if (position !== undefined) return position
  throw new AppError(
    'REQUEST_INVALID',
    'X-Position must be that of an earlier answer of this API to the same tenant',
  )
}

function accept(
  reply: FastifyReply,
  { ids, base }: { ids: OpaqueIds; base: string },
  { view, position, replayed }: AnsweredOperation,
) {
  if (position !== undefined) reply.header('x-position', ids.tokenOf(position, view.tenantId))
  if (replayed) reply.header('idempotency-replayed', 'true')
  return reply
    .code(202)
    .headers({
      location: reply.server.linkTo(`${base}/operations/${view.id}`),
      'retry-after': '2',
    })
    .send({ operation: view })
}
