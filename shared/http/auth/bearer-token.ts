import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose'
import { anyTenant, AppError, hasCode } from '#domain'
import { type Caller, isTenantId, rolesIn } from './caller.ts'
import { signingKeys, type SigningKeys } from './signing-keys.ts'

export interface TokenOptions {
  issuer: string
  audience: string
  jwksUrl: string
  /** The `typ` that a token's header must have; unless given, that of an access token or a common one. */
  tokenType?: string | undefined
  /** Paths of claims: the first that a token has is taken. `realm_access.roles` is a claim in a claim. */
  tenantClaims?: readonly string[] | undefined
  /** The same; a list, or a text with blanks between. */
  roleClaims?: readonly string[] | undefined
  /** What the issuer calls a role → our role. */
  roleMap?: Readonly<Record<string, string>> | undefined
}

interface TokenCheck extends Omit<TokenOptions, 'jwksUrl'> {
  keys: SigningKeys
}

// Fixed, so that no token chooses how it is checked; symmetric ones would make the public key a secret.
const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA']

// The last second of the year 9999: what lies behind it is no time.
const EXPIRY_MAX_S = 253_402_300_799

/** AUTH=jwt: the caller is who the token says, whichever of these issuers it names. */
export function callerOfTokens(issuers: readonly TokenOptions[]) {
  const known = issuers.map((one) => {
    const keys = signingKeys(one.jwksUrl)
    return { issuer: one.issuer, keys, identify: callerOfToken({ ...one, keys }) }
  })
  return {
    identify: (token: string): Promise<Caller> => {
      const named = issuerIn(token)
      const one = known.find(({ issuer }) => issuer === named)
      if (one === undefined) throw unauthenticated('The token is not valid')
      return one.identify(token)
    },
    /** One for each issuer: the tokens of the others can be checked without it. */
    checks: Object.fromEntries(
      known.map(({ issuer, keys }) => [
        known.length > 1 ? `issuer ${issuer}` : 'issuer',
        keys.check,
      ]),
    ),
  }
}

/** Whom a token says it is from; not checked yet. */
function issuerIn(token: string): unknown {
  try {
    return decodeJwt(token).iss
  } catch (error) {
    throw unauthenticated('The token is not valid', error)
  }
}

/** Signature, issuer, audience and expiry of a token are checked. */
function callerOfToken(options: TokenCheck) {
  const { issuer, audience, keys, tokenType } = options
  const demands = {
    issuer,
    audience,
    algorithms,
    requiredClaims: ['exp', 'sub'],
    clockTolerance: 5,
  }
  return async (token: string): Promise<Caller> => {
    const verified = await jwtVerify(token, keys.keyOf, demands).catch((error: unknown) => {
      throw translate(error)
    })
    const { payload, protectedHeader } = verified
    if (!isAccessToken(protectedHeader.typ, payload, tokenType))
      throw unauthenticated('The token is of another kind than an access token')
    if ((payload.exp ?? Infinity) > EXPIRY_MAX_S)
      throw unauthenticated('The token has no usable expiry')
    return callerOfClaims(payload, options)
  }
}

/** The credential of an Authorization header. Throws UNAUTHENTICATED. */
export function bearerToken(authorization: string | undefined): string {
  const [, token] = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization ?? '') ?? []
  if (token === undefined) throw unauthenticated('Send Authorization: Bearer <API key or token>')
  return token
}

function callerOfClaims(claims: JWTPayload, mapping: Partial<TokenOptions>): Caller {
  // The library's types say what a claim should be, not what a token brings.
  const sub: unknown = claims.sub
  if (typeof sub !== 'string' || !/^[\x21-\x7e]{1,200}$/.test(sub))
    throw unauthenticated('The token has no usable subject')
  const { tenantClaims = ['tenant'], roleClaims = ['roles', 'scope'], roleMap = {} } = mapping
  const names = namesIn(firstOf(claims, roleClaims))
  const roles = rolesIn(names.map((name) => (Object.hasOwn(roleMap, name) ? roleMap[name] : name)))
  const tenant = roles.includes('operator') ? anyTenant : firstOf(claims, tenantClaims)
  if (
    typeof tenant !== 'string' ||
    !(tenant === anyTenant ? roles.includes('operator') : isTenantId(tenant))
  )
    throw unauthenticated('The token has no usable tenant')
  const { exp = 0, name = claims['preferred_username'] } = claims
  const actorName = typeof name === 'string' ? name.slice(0, NAME_CHARACTERS_MAX) : undefined
  return {
    tenantId: tenant,
    actor: `user:${sub}`,
    ...(actorName !== undefined && { actorName }),
    roles,
    expiresAt: exp * 1_000,
  }
}

const NAME_CHARACTERS_MAX = 100

function firstOf(claims: JWTPayload, paths: readonly string[]): unknown {
  return paths.map((path) => claimAt(claims, path)).find((claim) => claim !== undefined)
}

/** A claim by its name, which may have dots itself, or by its way through the claims. */
function claimAt(claims: unknown, path: string): unknown {
  if (typeof claims !== 'object' || claims === null) return undefined
  const members = new Map<string, unknown>(Object.entries(claims))
  if (members.has(path)) return members.get(path)
  const [, first = '', rest = ''] = /^([^.]+)\.(.+)$/.exec(path) ?? []
  return members.has(first) ? claimAt(members.get(first), rest) : undefined
}

const namesIn = (claim: unknown): string[] =>
  (Array.isArray(claim) ? claim : typeof claim === 'string' ? claim.split(' ') : []).map(String)

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
  const { typ: kind = 'Bearer', token_use: use = 'access' } = claims
  if (kind !== 'Bearer' || use !== 'access') return false
  return !claimsOfOtherKinds.some((name) => name in claims)
}

/** RFC 7515 §4.1.9: a media type, in any letters, of which `application/` may be left out. */
const plainType = (typ: string): string => typ.toLowerCase().replace(/^application\//, '')

function translate(error: unknown): AppError {
  if (hasCode(error, 'ISSUER_UNAVAILABLE')) return error
  if (error instanceof errors.JWTExpired) return unauthenticated('The token has expired', error)
  return unauthenticated('The token is not valid', error)
}

export function unauthenticated(message: string, cause?: unknown): AppError {
  return new AppError('UNAUTHENTICATED', message, { cause })
}
