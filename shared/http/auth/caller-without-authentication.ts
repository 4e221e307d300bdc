import { AppError } from '#domain'
import type { FastifyRequest } from 'fastify'
import { isTenantId, roles, type Caller } from './caller.ts'

/** AUTH=off, for loopback only: the caller is who it says it is in `X-User-Id`, or `demo`, and may do all. */
export function callerWithoutAuthentication(request: FastifyRequest): Caller {
  const given = request.headers['x-user-id'] ?? 'demo'
  if (typeof given !== 'string' || !isTenantId(given))
    throw new AppError('UNAUTHENTICATED', 'X-User-Id takes 1–64 letters, digits, ".", "_" or "-"')
  return { tenantId: given, actor: `user:${given}`, roles }
}
