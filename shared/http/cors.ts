import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { type Operation, operations } from '#contracts'
import { AppError } from '#domain'
import { answerHeaders, nameOfHeader } from './openapi/headers.ts'

const all: Operation[] = Object.values(operations)
// What every request may have; what one operation takes beside it, the operation says.
const ofAllRequests = [
  'authorization',
  'content-type',
  'traceparent',
  'x-correlation-id',
  'x-user-id',
]
const ofOperations = all.flatMap(({ schema }) => Object.keys(schema.headers?.shape ?? {}))
const requestHeaders = [...new Set([...ofAllRequests, ...ofOperations])]
  .map(nameOfHeader)
  .join(', ')
const exposedHeaders = Object.keys(answerHeaders).join(', ')
const methods = ['HEAD', ...new Set(all.map(({ method }) => method))].join(', ')
const PREFLIGHT_SECONDS = '600'

/**
 * Lets pages of these origins use the API from a browser: with a token that they send, never with a cookie. A page
 * of any other origin is told nothing that would allow it.
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return
  app.addHook('onRequest', async ({ method, headers }, reply) => {
    const allowed = originHeaders(headers, origins)
    if (allowed === undefined) return undefined
    reply.headers(allowed)
    if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined)
      return undefined
    return reply
      .code(204)
      .headers({
        'access-control-allow-methods': methods,
        'access-control-allow-headers': requestHeaders,
        'access-control-max-age': PREFLIGHT_SECONDS,
      })
      .send()
  })
}

/** What an answer tells a page of an allowed origin; nothing for another. */
export function originHeaders({ origin }: IncomingHttpHeaders, origins: readonly string[] = []) {
  if (origin === undefined || !origins.includes(origin)) return undefined
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': exposedHeaders,
  }
}

const thisMachine = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i
const authorityOf = (url: string): string | undefined => /^https?:\/\/([^/?#]*)/i.exec(url)?.[1]

/**
 * Without authentication a page of another site could act through a visitor's browser: by a name of its own
 * that points here (DNS rebinding), or by writing across sites. Such requests name that site.
 */
export function refuseForeignSites(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ url, headers }) => {
    // RFC 9112 §3.2.2: the address of an absolute form counts instead of Host.
    const host = authorityOf(url) ?? headers.host
    if (host !== undefined && !thisMachine.test(host))
      throw new AppError(
        'FORBIDDEN',
        'Without authentication only localhost, 127.0.0.1 and [::1] are served',
      )
    const { origin } = headers
    if (origin !== undefined && !thisMachine.test(authorityOf(origin) ?? ''))
      throw new AppError('FORBIDDEN', 'Without authentication no other site is served')
  })
}
