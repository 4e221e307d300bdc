import type { FastifyInstance } from 'fastify'

const methods = 'GET, HEAD, POST, DELETE'
const requestHeaders = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-Match',
  'If-None-Match',
  'Last-Event-ID',
  'Traceparent',
  'X-Correlation-Id',
  'X-Position',
  'X-Reason',
  'X-Tenant',
  'X-User-Id',
].join(', ')
const answerHeaders = [
  'ETag',
  'Idempotency-Replayed',
  'Link',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'WWW-Authenticate',
  'X-Correlation-Id',
  'X-Position',
  'X-Read-Lag',
].join(', ')
const PREFLIGHT_SECONDS = '600'

/**
 * Lets pages of these origins use the API from a browser: with a token that they send, never with a cookie. A page
 * of any other origin is told nothing that would allow it.
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return
  app.addHook('onRequest', async ({ method, headers }, reply) => {
    const vary = reply.getHeader('vary')
    reply.header('vary', vary === undefined ? 'Origin' : `${String(vary)}, Origin`)
    const { origin } = headers
    if (origin === undefined || !origins.includes(origin)) return undefined
    reply.header('access-control-allow-origin', origin)
    reply.header('access-control-expose-headers', answerHeaders)
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
