import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from '#domain'
import type { HealthCheck } from '../health.ts'
import { callerOfToken, type TokenOptions } from './bearer-token.ts'
import { type Caller, callerWithoutAuthentication, type Policy } from './caller.ts'
import { signingKeys } from './signing-keys.ts'

/** `none` serves public routes only, `off` trusts `X-User-Id` and is for loopback only. */
export type AuthOptions = { mode: 'none' } | { mode: 'off' } | ({ mode: 'jwt' } & TokenOptions)

/**
 * Establishes the caller of every route by its policy, before anything of the body is read. Returns what has to
 * answer for that, as checks of the service's readiness.
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
    try {
      request.caller = await identify(request)
    } catch (error) {
      // RFC 6750 §3.1: who sent no token is told of no error.
      const fault = request.headers.authorization === undefined ? '' : ' error="invalid_token"'
      const isRefused = error instanceof AppError && error.code === 'UNAUTHENTICATED'
      if (auth.mode === 'jwt' && isRefused) reply.header('www-authenticate', `Bearer${fault}`)
      throw error
    }
    if (request.caller.roles.includes(policy)) return
    if (auth.mode === 'jwt')
      reply.header('www-authenticate', `Bearer error="insufficient_scope", scope="${policy}"`)
    throw new AppError('FORBIDDEN', `This needs the role ${policy}`)
  })
  return checks
}

// What is not found has no policy and tells nobody anything.
function policyOf({ routeOptions, is404 }: FastifyRequest): Policy {
  return is404 ? 'public' : (routeOptions.config.policy ?? 'admin')
}

interface Identifier {
  identify: (request: FastifyRequest) => Caller | Promise<Caller>
  checks: Record<string, HealthCheck>
}

function identifierOf(auth: AuthOptions): Identifier {
  switch (auth.mode) {
    case 'jwt': {
      const keys = signingKeys(auth.jwksUrl)
      return { identify: callerOfToken({ ...auth, keys }), checks: { issuer: keys.check } }
    }
    case 'off':
      return { identify: callerWithoutAuthentication, checks: {} }
    case 'none':
      return { identify: refuse, checks: {} }
  }
}

function refuse(): never {
  throw new AppError('UNAUTHENTICATED', 'This service takes no callers')
}

interface AuthVariables {
  AUTH: 'off' | 'jwt'
  AUTH_ISSUER?: string | undefined
  AUTH_AUDIENCE?: string | undefined
  AUTH_JWKS_URL?: string | undefined
  AUTH_TOKEN_TYPE?: string | undefined
}

/** The authentication that a service's parsed variables ask for. */
export function authOf(variables: AuthVariables): AuthOptions {
  if (variables.AUTH === 'off') return { mode: 'off' }
  const { AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience, AUTH_JWKS_URL: jwksUrl } = variables
  if (issuer === undefined || audience === undefined || jwksUrl === undefined)
    throw new Error('AUTH=jwt needs AUTH_ISSUER, AUTH_AUDIENCE and AUTH_JWKS_URL')
  return { mode: 'jwt', issuer, audience, jwksUrl, tokenType: variables.AUTH_TOKEN_TYPE }
}
