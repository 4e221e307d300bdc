import type { FastifyRequest } from 'fastify'
import type { CommandContext } from '#eventstore'
import { callerOf, traceOf } from '#http'

/** Who sent a request and how to trace it: what every event it causes says of it. */
export type RequestContext = Omit<CommandContext, 'commandId'>

export function contextOf(request: FastifyRequest): RequestContext {
  const { tenantId, actor } = callerOf(request)
  return { tenantId, actor, correlationId: request.id, ...traceOf(request) }
}
