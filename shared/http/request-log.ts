import type { FastifyInstance, FastifyRequest } from 'fastify'
import { traceparentOf } from '#observability'

/** Echoes the correlation id of every request and logs each request once, when it has been answered. */
export function traceRequests(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-correlation-id', request.id)
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    const { method, url, caller, failedWith } = request
    const level = request.routeOptions.config.policy === 'public' ? 'debug' : 'info'
    request.log[level](
      {
        method,
        url,
        status: reply.statusCode,
        durationMs: Math.round(reply.elapsedTime * 10) / 10,
        // Of many that fail alike only some are logged with their cause.
        ...(failedWith !== undefined && { code: failedWith }),
        ...(caller === null ? {} : { tenantId: caller.tenantId, actor: caller.actor }),
        // What an operator read of a tenant is told here; what it changed, by the events too.
        ...(caller?.asOperator && { asOperator: true }),
      },
      'request answered',
    )
    done()
  })
}

/** The caller's W3C trace context, for what the request causes; nothing when it sent none. */
export function traceOf(request: FastifyRequest): { traceparent?: string } {
  const given = request.headers['traceparent']
  const traceparent = traceparentOf(typeof given === 'string' ? given : undefined)
  return traceparent === undefined ? {} : { traceparent }
}
