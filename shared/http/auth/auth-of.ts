import type { AuthOptions } from './authenticate.ts'

interface AuthVariables {
  AUTH: 'off' | 'jwt'
  AUTH_ISSUER?: string | undefined
  AUTH_AUDIENCE?: string | undefined
  AUTH_JWKS_URL?: string | undefined
}

/** The authentication that a service's parsed variables ask for. */
export function authOf(variables: AuthVariables): AuthOptions {
  if (variables.AUTH === 'off') return { mode: 'off' }
  const { AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience, AUTH_JWKS_URL: jwksUrl } = variables
  if (issuer === undefined || audience === undefined || jwksUrl === undefined)
    throw new Error('AUTH=jwt needs AUTH_ISSUER, AUTH_AUDIENCE and AUTH_JWKS_URL')
  return { mode: 'jwt', issuer, audience, jwksUrl }
}
