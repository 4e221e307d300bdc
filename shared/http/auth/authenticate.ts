import type { FastifyInstance, FastifyRequest } from 'fastify'
import { anyTenant, AppError } from '#domain'
import type { HealthCheck } from '../health.ts'
import { hashOf, isSameHash, type KeyRing } from './api-keys.ts'
import { bearerToken, callerOfTokens, type TokenOptions, unauthenticated } from './bearer-token.ts'
import {
  type Caller,
  callerWithoutAuthentication,
  isTenantId,
  type Policy,
  rolesIn,
  rolesUpTo,
} from './caller.ts'

/** `none` serves public routes only, `off` trusts `X-User-Id` and is for loopback only. */
export type AuthOptions = { mode: 'none' } | { mode: 'off' } | ({ mode: 'bearer' } & BearerOptions)

/** What a bearer may be; one of them at least. */
interface BearerOptions {
  /** Whose tokens are taken. */
  issuers?: readonly TokenOptions[]
  /** API keys. */
  keys?: KeyRing
  /** SHA-256 of a key that is in no log, in hex: it belongs to an operator. */
  operatorKeyHash?: string | undefined
}

/**
 * Establishes the caller of every route by its policy, before anything of the body is read. Returns a check for each
 * kind of credential that tenants have: as long as one can be checked, those who have it are served.
 */
export function authenticate(app: FastifyInstance, auth: AuthOptions): Record<string, HealthCheck> {
  const { identify, checks } = identifierOf(auth)
  app.decorateRequest('caller', null)
  app.addHook('onRoute', ({ method, url, config }) => {
    const policy = config?.policy
    if (policy === undefined) throw new Error(`${String(method)} ${url} has no policy`)
    if (policy !== 'public' && auth.mode === 'none')
      throw new Error(`${String(method)} ${url} needs a caller, but there is no authentication`)
  })
  app.addHook('onRequest', async (request, reply) => {
    const policy = policyOf(request)
    if (policy === 'public') return
    let caller: Caller
    try {
      caller = await identify(request)
    } catch (error) {
      // RFC 6750 §3.1: who sent no token is told of no error.
      const fault = request.headers.authorization === undefined ? '' : ' error="invalid_token"'
      const isRefused = error instanceof AppError && error.code === 'UNAUTHENTICATED'
      if (auth.mode === 'bearer' && isRefused) reply.header('www-authenticate', `Bearer${fault}`)
      throw error
    }
    request.caller = caller
    if (!caller.roles.includes(policy)) {
      if (auth.mode === 'bearer')
        reply.header('www-authenticate', `Bearer error="insufficient_scope", scope="${policy}"`)
      throw new AppError('FORBIDDEN', `This needs the role ${policy}`)
    }
    request.caller = forTenant(caller, request)
  })
  return checks
}

// What is not found has no policy and tells nobody anything.
function policyOf({ routeOptions, is404 }: FastifyRequest): Policy {
  return is404 ? 'public' : (routeOptions.config.policy ?? 'admin')
}

/** An operator says in each request whose stores it means; anybody else has one tenant, and may name it. */
function forTenant(caller: Caller, request: FastifyRequest): Caller {
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  const how = isRead ? '?tenant=<tenant>' : 'the header X-Tenant'
  const named = isRead ? tenantInQuery(request.query) : request.headers['x-tenant']
  if (named === undefined) {
    if (caller.tenantId !== anyTenant || request.routeOptions.config.anyTenant === true)
      return caller
    throw new AppError('REQUEST_INVALID', `An operator names the tenant by ${how}`)
  }
  if (typeof named !== 'string' || !isTenantId(named))
    throw new AppError('REQUEST_INVALID', `${how} takes 1–64 letters, digits, ".", "_" or "-"`)
  if (caller.tenantId === anyTenant) return { ...caller, tenantId: named, asOperator: true }
  if (caller.tenantId === named) return caller
  throw new AppError('FORBIDDEN', 'Only an operator may name another tenant')
}

function tenantInQuery(query: unknown): unknown {
  return typeof query === 'object' && query !== null && 'tenant' in query ? query.tenant : undefined
}

interface Identifier {
  identify: (request: FastifyRequest) => Caller | Promise<Caller>
  checks: Record<string, HealthCheck>
}

function identifierOf(auth: AuthOptions): Identifier {
  switch (auth.mode) {
    case 'bearer':
      return bearerIdentifier(auth)
    case 'off':
      return { identify: callerWithoutAuthentication, checks: {} }
    case 'none':
      return { identify: refuse, checks: {} }
  }
}

function refuse(): never {
  throw new AppError('UNAUTHENTICATED', 'This service takes no callers')
}

function bearerIdentifier({ issuers = [], keys, operatorKeyHash }: BearerOptions): Identifier {
  const tokens = issuers.length > 0 ? callerOfTokens(issuers) : undefined
  const identify = (request: FastifyRequest): Caller | Promise<Caller> => {
    const bearer = bearerToken(request.headers.authorization)
    if (operatorKeyHash !== undefined && isSameHash(operatorKeyHash, hashOf(bearer)))
      return operator
    if (keys !== undefined && bearer.startsWith('sw_')) return callerOfKey(keys, bearer)
    if (tokens !== undefined) return tokens.identify(bearer)
    throw unauthenticated('This is not an API key')
  }
  const keyCheck = keys === undefined ? {} : { keys: keys.check }
  return { identify, checks: { ...tokens?.checks, ...keyCheck } }
}

const operator: Caller = {
  tenantId: anyTenant,
  actor: 'key:operator',
  actorName: 'OPERATOR_KEY',
  roles: rolesUpTo('operator'),
}

function callerOfKey(keys: KeyRing, text: string): Caller {
  const found = keys.find(text, Date.now())
  if (found === undefined) throw unauthenticated('The API key is not valid, revoked or expired')
  const { id, tenantId, name, roles, expiresAt } = found.key
  return {
    tenantId,
    actor: `key:${id}`,
    actorName: name,
    roles: rolesIn(roles),
    ended: found.ended,
    ...(expiresAt !== undefined && { expiresAt: Date.parse(expiresAt) }),
  }
}

interface AuthVariables {
  AUTH: string
  AUTH_ISSUERS?: readonly TokenOptions[] | undefined
  AUTH_ISSUER?: string | undefined
  AUTH_AUDIENCE?: string | undefined
  AUTH_JWKS_URL?: string | undefined
  AUTH_TOKEN_TYPE?: string | undefined
  AUTH_CLAIM_TENANT?: readonly string[]
  AUTH_CLAIM_ROLES?: readonly string[]
  AUTH_ROLE_MAP?: Readonly<Record<string, string>>
  OPERATOR_KEY?: string | undefined
  OPERATOR_KEY_SHA256?: string | undefined
}

/** The authentication that a service's parsed variables ask for. */
export function authOf(variables: AuthVariables, keys?: KeyRing): AuthOptions {
  if (variables.AUTH === 'off') return { mode: 'off' }
  const kinds = variables.AUTH.split(',')
  const { OPERATOR_KEY: text, OPERATOR_KEY_SHA256: hash } = variables
  return {
    mode: 'bearer',
    ...(kinds.includes('jwt') && { issuers: issuersOf(variables) }),
    ...(kinds.includes('keys') && {
      ...(keys && { keys }),
      operatorKeyHash: hash ?? (text === undefined ? undefined : hashOf(text)),
    }),
  }
}

function issuersOf(variables: AuthVariables): TokenOptions[] {
  const { AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience, AUTH_JWKS_URL: jwksUrl } = variables
  const mapping = {
    tokenType: variables.AUTH_TOKEN_TYPE,
    tenantClaims: variables.AUTH_CLAIM_TENANT,
    roleClaims: variables.AUTH_CLAIM_ROLES,
    roleMap: variables.AUTH_ROLE_MAP,
  }
  const listed = variables.AUTH_ISSUERS ?? []
  const given = listed.map((one) => ({ ...mapping, ...one }))
  if (issuer !== undefined && audience !== undefined && jwksUrl !== undefined)
    given.push({ ...mapping, issuer, audience, jwksUrl })
  if (given.length > 0) return given
  throw new Error('AUTH=jwt needs AUTH_ISSUERS, or AUTH_ISSUER, AUTH_AUDIENCE and AUTH_JWKS_URL')
}
