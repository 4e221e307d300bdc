import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Operation, operations } from '#contracts'
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
        url: loggableUrl(url),
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

const all: Operation[] = Object.values(operations)
const ourParameters = new Set(
  all.flatMap(({ schema }) => Object.keys(schema.querystring?.shape ?? {})),
)

/** The address of a request without what may be a secret: a user's password, and parameters that this API does not know. */
export function loggableUrl(url: string): string {
  const [address = '', ...query] = url.split('?')
  const shown = address.replace(/^(https?:\/\/)[^/]*@/i, '$1')
  return [shown, ...query.map((part) => part.split('&').map(loggableParameter).join('&'))].join('?')
}

function loggableParameter(parameter: string): string {
  const [name = '', ...value] = parameter.split('=')
  if (ourParameters.has(name) || parameter === '') return parameter
  return value.length === 0 ? '[redacted]' : `${name}=[redacted]`
}
