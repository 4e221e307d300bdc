import { AppError } from '#domain'
import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose'

/** The keys that the issuer of tokens publishes. */
export interface SigningKeys {
  /** The key of a token. Throws ISSUER_UNAVAILABLE when there are no keys to choose from. */
  keyOf: JWTVerifyGetKey
  /** Resolves when tokens can be checked. Throws ISSUER_UNAVAILABLE. */
  check: () => Promise<void>
}

const TIMEOUT_MS = 3_000
/** Tokens that name a key nobody has cause a fetch this often at most. */
const COOL_DOWN_MS = 1_000
const BACK_OFF_MS = [250, 500, 1_000, 2_000, 5_000]
const BODY_BYTES_MAX = 1_000_000

/** Fetches the keys when they are first needed, and again when they are old or a token names another. */
export function signingKeys(jwksUrl: string): SigningKeys {
  const keys = createRemoteJWKSet(new URL(jwksUrl), {
    timeoutDuration: TIMEOUT_MS,
    cooldownDuration: COOL_DOWN_MS,
    [customFetch]: fetchWithBackOff(),
  })
  return {
    keyOf: async (header, token) => {
      try {
        return await keys(header, token)
      } catch (error) {
        throw isOfIssuer(error) ? unavailable(error) : error
      }
    },
    check: async () => {
      try {
        if (!keys.fresh) await keys.reload()
      } catch (error) {
        throw unavailable(error)
      }
    },
  }
}

/** Asks an issuer that failed again only after a pause; until then the failure is repeated without asking. */
function fetchWithBackOff() {
  let failures = 0
  let askAgainAt = 0
  let failure: unknown
  return async (url: string, options: RequestInit): Promise<Response> => {
    if (performance.now() < askAgainAt) throw failure
    try {
      const keySet = await keySetIn(await fetch(url, options))
      failures = 0
      return keySet
    } catch (error) {
      failure = error
      const pauseMs = BACK_OFF_MS[Math.min(failures++, BACK_OFF_MS.length - 1)] ?? 0
      askAgainAt = performance.now() + pauseMs
      throw error
    }
  }
}

/** The answer when it is a key set with keys; keys that are held stay in use otherwise. */
async function keySetIn(answer: Response): Promise<Response> {
  if (answer.status !== 200) {
    await answer.body?.cancel()
    throw new Error(`AUTH_JWKS_URL answers with ${answer.status}`)
  }
  const text = await boundedText(answer)
  const parsed: unknown = JSON.parse(text)
  const isKeySet = typeof parsed === 'object' && parsed !== null && 'keys' in parsed
  if (!isKeySet || !Array.isArray(parsed.keys) || parsed.keys.length === 0)
    throw new Error('AUTH_JWKS_URL answers with no keys')
  return new Response(text)
}

async function boundedText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX)
      throw new Error(`AUTH_JWKS_URL answers with more than ${BODY_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Whether it is the issuer's fault; all else is the token's. */
function isOfIssuer(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return true
  const faults = [errors.JWKSTimeout.code, errors.JWKSInvalid.code, errors.JOSEError.code]
  return faults.includes(error.code)
}

function unavailable(cause: unknown): AppError {
  const message = 'The keys of the issuer cannot be fetched: none of its tokens can be checked'
  return new AppError('ISSUER_UNAVAILABLE', message, { cause })
}
