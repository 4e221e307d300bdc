import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { canonicalJson, type CommandContext } from '#eventstore'
import { callerOf, traceOf } from '#http'

/** Who sent a request and how to trace it: what every event it causes says of it. */
export type RequestContext = Omit<CommandContext, 'commandId'>

export function contextOf(request: FastifyRequest): RequestContext {
  const { tenantId, actor, actorName, asOperator } = callerOf(request)
  const reason = request.headers['x-reason']
  return {
    tenantId,
    actor,
    ...(actorName !== undefined && { actorName }),
    ...(asOperator === true && { asOperator }),
    address: request.clientAddress,
    ...(typeof reason === 'string' && { reason }),
    correlationId: request.id,
    ...traceOf(request),
  }
}

/**
 * SHA-256 (hex) of a whole parsed body, whatever the order of its keys: two bodies have the same fingerprint exactly
 * when they ask for the same. A field that is added to a body is part of it without a change here.
 */
export function fingerprintOf(body: object): string {
  return createHash('sha256').update(canonicalJson(body)).digest('hex')
}
