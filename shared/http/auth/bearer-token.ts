import type { FastifyRequest } from 'fastify'
import { errors, type JWTPayload, jwtVerify } from 'jose'
import { AppError, hasCode } from '#domain'
import { type Caller, isTenantId, type Role, roles } from './caller.ts'
import type { SigningKeys } from './signing-keys.ts'

export interface TokenOptions {
  issuer: string
  audience: string
  jwksUrl: string
}

interface TokenCheck extends Omit<TokenOptions, 'jwksUrl'> {
  keys: SigningKeys
}

// Fixed, so that no token chooses how it is checked; symmetric ones would make the public key a secret.
const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA']

/** AUTH=jwt: the caller is who the bearer token says; signature, issuer, audience and expiry are checked. */
export function callerOfToken({ issuer, audience, keys }: TokenCheck) {
  const demands = {
    issuer,
    audience,
    algorithms,
    requiredClaims: ['exp', 'sub'],
    clockTolerance: 5,
  }
  return async (request: FastifyRequest): Promise<Caller> => {
    const token = bearerToken(request.headers.authorization)
    const { payload } = await jwtVerify(token, keys.keyOf, demands).catch((error: unknown) => {
      throw translate(error)
    })
    return callerOfClaims(payload)
  }
}

function bearerToken(authorization: string | undefined): string {
  const [, token] = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization ?? '') ?? []
  if (token === undefined) throw unauthenticated('Send Authorization: Bearer <token>')
  return token
}

function callerOfClaims(claims: JWTPayload): Caller {
  const { sub = '', tenant, roles: given, scope, exp = 0 } = claims
  if (typeof tenant !== 'string' || !isTenantId(tenant))
    throw unauthenticated('The token has no usable tenant')
  if (!/^[\x21-\x7e]{1,200}$/.test(sub)) throw unauthenticated('The token has no usable subject')
  const named = Array.isArray(given) ? given : typeof scope === 'string' ? scope.split(' ') : []
  return {
    tenantId: tenant,
    actor: `user:${sub}`,
    roles: roles.filter(includedIn(named)),
    expiresAt: exp * 1_000,
  }
}

/** `write` includes `read`, and `admin` includes both. */
function includedIn(named: unknown[]): (role: Role) => boolean {
  const highest = Math.max(...named.map((name) => roles.findIndex((role) => role === name)), -1)
  return (role) => roles.indexOf(role) <= highest
}

function translate(error: unknown): AppError {
  if (hasCode(error, 'ISSUER_UNAVAILABLE')) return error
  if (error instanceof errors.JWTExpired) return unauthenticated('The token has expired', error)
  return unauthenticated('The token is not valid', error)
}

function unauthenticated(message: string, cause?: unknown): AppError {
  return new AppError('UNAUTHENTICATED', message, { cause })
}
