import type { FastifyInstance } from 'fastify'

/** Headers that keep a browser from running, framing or guessing at what a JSON API answers. */
export const securityHeaders = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
} as const

/**
 * Sets them on every answer, and how it may be kept: with an ETag a copy of the caller's own that is checked
 * each time, without one not at all.
 */
export function secureHeaders(app: FastifyInstance, callerHeader: string | undefined): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(securityHeaders)
    if (callerHeader !== undefined) reply.header('vary', callerHeader)
    done()
  })
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (!reply.hasHeader('cache-control')) {
      const isKept = reply.hasHeader('etag') && reply.statusCode < 400
      reply.header('cache-control', isKept ? 'private, no-cache' : 'no-store')
    }
    done()
  })
}
