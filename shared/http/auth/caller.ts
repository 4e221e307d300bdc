import type { FastifyRequest } from 'fastify'
import { AppError } from '#domain'

export const roles = ['read', 'write', 'admin'] as const
export type Role = (typeof roles)[number]

/** What a route asks of its caller. Each role includes the ones before it. */
export type Policy = Role | 'public'

/** Who is asking. */
export interface Caller {
  tenantId: string
  /** As events name it: `user:<id>`. */
  actor: string
  roles: readonly Role[]
  /** When the caller's token expires, in milliseconds since 1970; a long answer ends then. */
  expiresAt?: number
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route; a route without one fails at start. */
    policy?: Policy
  }
  interface FastifyRequest {
    caller: Caller | null
  }
}

/** The caller of a route whose policy asks for one. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === null) throw new AppError('UNAUTHENTICATED', 'The route has no caller')
  return request.caller
}

const acceptable = /^[A-Za-z0-9][\w.-]{0,63}$/

/** A tenant's id may stand in a stream's name: 1–64 letters, digits, `.`, `_` and `-`. */
export const isTenantId = (id: string): boolean => acceptable.test(id)

/** AUTH=off, for loopback only: the caller is who it says it is in `X-User-Id`, or `demo`, and may do all. */
export function callerWithoutAuthentication(request: FastifyRequest): Caller {
  const given = request.headers['x-user-id'] ?? 'demo'
  if (typeof given !== 'string' || !isTenantId(given))
    throw new AppError('UNAUTHENTICATED', 'X-User-Id takes 1–64 letters, digits, ".", "_" or "-"')
  return { tenantId: given, actor: `user:${given}`, roles }
}
