import type { FastifyRequest } from 'fastify'
import { errors, type JWTPayload, jwtVerify } from 'jose'
import { AppError, hasCode } from '#domain'
import { type Caller, isTenantId, type Role, roles } from './caller.ts'
import type { SigningKeys } from './signing-keys.ts'

export interface TokenOptions {
  issuer: string
  audience: string
  jwksUrl: string
  /** The `typ` that a token's header must have; unless given, that of an access token or a common one. */
  tokenType?: string | undefined
}

interface TokenCheck extends Omit<TokenOptions, 'jwksUrl'> {
  keys: SigningKeys
}

// Fixed, so that no token chooses how it is checked; symmetric ones would make the public key a secret.
const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA']

// The last second of the year 9999: what lies behind it is no time.
const EXPIRY_MAX_S = 253_402_300_799

/** AUTH=jwt: the caller is who the bearer token says; signature, issuer, audience and expiry are checked. */
export function callerOfToken({ issuer, audience, keys, tokenType }: TokenCheck) {
  const demands = {
    issuer,
    audience,
    algorithms,
    requiredClaims: ['exp', 'sub'],
    clockTolerance: 5,
  }
  return async (request: FastifyRequest): Promise<Caller> => {
    const token = bearerToken(request.headers.authorization)
    const verified = await jwtVerify(token, keys.keyOf, demands).catch((error: unknown) => {
      throw translate(error)
    })
    const { payload, protectedHeader } = verified
    if (!isAccessToken(protectedHeader.typ, payload, tokenType))
      throw unauthenticated('The token is of another kind than an access token')
    if ((payload.exp ?? Infinity) > EXPIRY_MAX_S)
      throw unauthenticated('The token has no usable expiry')
    return callerOfClaims(payload)
  }
}

function bearerToken(authorization: string | undefined): string {
  const [, token] = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization ?? '') ?? []
  if (token === undefined) throw unauthenticated('Send Authorization: Bearer <token>')
  return token
}

function callerOfClaims(claims: JWTPayload): Caller {
  // The library's types say what a claim should be, not what a token brings.
  const sub: unknown = claims.sub
  const { tenant, roles: given, scope, exp = 0 } = claims
  if (typeof tenant !== 'string' || !isTenantId(tenant))
    throw unauthenticated('The token has no usable tenant')
  if (typeof sub !== 'string' || !/^[\x21-\x7e]{1,200}$/.test(sub))
    throw unauthenticated('The token has no usable subject')
  const named = Array.isArray(given) ? given : typeof scope === 'string' ? scope.split(' ') : []
  return {
    tenantId: tenant,
    actor: `user:${sub}`,
    roles: roles.filter(includedIn(named)),
    expiresAt: exp * 1_000,
  }
}

const commonTypes = ['jwt', 'at+jwt']
const claimsOfOtherKinds = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events']

/**
 * RFC 8725 §3.11: the issuer signs tokens of other kinds with the same keys. They are told by their `typ`, and
 * where none is demanded, also by claims that only an ID, a logout or a refresh token has.
 */
function isAccessToken(typ: unknown, claims: JWTPayload, demanded: string | undefined): boolean {
  const type = typeof typ === 'string' ? plainType(typ) : undefined
  if (demanded !== undefined) return type === plainType(demanded)
  if (typ !== undefined && (type === undefined || !commonTypes.includes(type))) return false
  const kind = claims['typ'] ?? 'Bearer'
  return kind === 'Bearer' && !claimsOfOtherKinds.some((name) => name in claims)
}

/** RFC 7515 §4.1.9: a media type, in any letters, of which `application/` may be left out. */
const plainType = (typ: string): string => typ.toLowerCase().replace(/^application\//, '')

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
