import type { FastifyInstance } from 'fastify'

/** Headers that keep a browser from running, framing or guessing at what a JSON API answers. */
export const securityHeaders = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
} as const

const callerHeaders = { none: [], off: ['X-User-Id'], bearer: ['Authorization'] }

/** The `Vary` of every answer: the headers of a request that say who asks, and where pages may ask, from which. */
export function varyOf(
  authentication: keyof typeof callerHeaders,
  corsOrigins: readonly string[] = [],
): string | undefined {
  const names = [...callerHeaders[authentication], ...(corsOrigins.length > 0 ? ['Origin'] : [])]
  return names.length > 0 ? names.join(', ') : undefined
}

/**
 * Sets them on every answer, and how it may be kept: with an ETag a copy of the caller's own that is checked
 * each time, without one not at all.
 */
export function secureHeaders(app: FastifyInstance, vary: string | undefined): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(securityHeaders)
    if (vary !== undefined) reply.header('vary', vary)
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
