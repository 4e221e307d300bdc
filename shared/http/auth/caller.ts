import type { FastifyRequest } from 'fastify'
import { AppError, type Role, roles } from '#domain'

/** What a route asks of its caller. */
export type Policy = Role | 'public'

/** Who is asking. */
export interface Caller {
  tenantId: string
  /** As events name it: `user:<id>` or `key:<id>`. */
  actor: string
  /** How people know the actor. */
  actorName?: string
  /** Its tenant is the one it named in the request. */
  asOperator?: true
  roles: readonly Role[]
  /** When the caller's token expires, in milliseconds since 1970; a long answer ends then. */
  expiresAt?: number
  /** Aborts when its credential is no longer good; a long answer ends then. */
  ended?: AbortSignal
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route; a route without one fails at start. */
    policy?: Policy
    /** An operator need not name a tenant. */
    anyTenant?: boolean
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

/** A role and those it includes. */
export const rolesUpTo = (highest: Role): Role[] => roles.slice(0, roles.indexOf(highest) + 1)

/** The roles that these names give: of the highest among them, each one; other names give nothing. */
export function rolesIn(names: readonly unknown[]): Role[] {
  const highest = roles.findLast((role) => names.includes(role))
  return highest === undefined ? [] : rolesUpTo(highest)
}

/** AUTH=off, for loopback only: the caller is who it says it is in `X-User-Id`, or `demo`, and may do all. */
export function callerWithoutAuthentication(request: FastifyRequest): Caller {
  const given = request.headers['x-user-id'] ?? 'demo'
  if (typeof given !== 'string' || !isTenantId(given))
    throw new AppError('UNAUTHENTICATED', 'X-User-Id takes 1–64 letters, digits, ".", "_" or "-"')
  return { tenantId: given, actor: `user:${given}`, roles: rolesUpTo('operator') }
}
