import type { FastifyInstance } from 'fastify'
import { type Operation, operations } from '#contracts'
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
    const vary = reply.getHeader('vary')
    reply.header('vary', vary === undefined ? 'Origin' : `${String(vary)}, Origin`)
    const { origin } = headers
    if (origin === undefined || !origins.includes(origin)) return undefined
    reply.header('access-control-allow-origin', origin)
    reply.header('access-control-expose-headers', exposedHeaders)
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
