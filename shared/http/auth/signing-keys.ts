import { AppError } from '#domain'
import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose'

/** The keys that the issuer of tokens publishes. */
export interface SigningKeys {
  /** The key of a token. Throws ISSUER_UNAVAILABLE when there are no keys to choose from. */
  keyOf: JWTVerifyGetKey
  /** Resolves when tokens can be checked. Throws ISSUER_UNAVAILABLE. */
  check: () => Promise<void>
}

const TIMEOUT_MS = 3_000

/** Fetches the keys when they are first needed, and again when they are old or a token names another. */
export function signingKeys(jwksUrl: string): SigningKeys {
  const keys = createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: TIMEOUT_MS })
  const isEmpty = () => keys.jwks()?.keys.length === 0
  return {
    keyOf: async (header, token) => {
      try {
        return await keys(header, token)
      } catch (error) {
        throw isEmpty() || isOfIssuer(error) ? unavailable(error) : error
      }
    },
    check: async () => {
      try {
        if (!keys.fresh || isEmpty()) await keys.reload()
      } catch (error) {
        throw unavailable(error)
      }
      if (isEmpty()) throw unavailable(new Error('AUTH_JWKS_URL answers with no keys'))
    },
  }
}

/** Whether it is the issuer's fault; all else is the token's. */
function isOfIssuer(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return true
  const faults = [errors.JWKSTimeout.code, errors.JWKSInvalid.code, errors.JOSEError.code]
  return faults.includes(error.code)
}

function unavailable(cause: unknown): AppError {
  const message = 'The keys of the issuer cannot be fetched: no token can be checked'
  return new AppError('ISSUER_UNAVAILABLE', message, { cause })
}
