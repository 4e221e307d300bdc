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

const redacted = '[redacted]'
/** As long as the ids of this API; keys and tokens are longer. */
const plainName = /^[\w.~*-]{0,40}$/
// Whatever some reader takes for the end of a parameter or of the address.
const separators = /([?&;#])/

/**
 * The address of a request without what may be a secret: of its path only plain names, and of parameters only those
 * of this API, by the name that this API reads.
 */
export function loggableUrl(url: string): string {
  const end = url.search(/[?#]/)
  const path = end === -1 ? url : url.slice(0, end)
  const query = end === -1 ? '' : url.slice(end)
  return path.split('/').map(loggableSegment).join('/') + loggableQuery(query)
}

function loggableSegment(segment: string, index: number, { length }: string[]): string {
  if (index === 0 && length > 2 && /^https?:$/i.test(segment)) return segment
  // In front of a host there may be a user.
  const [name = '', ...parameters] = segment.replace(/^.*@/, '').split(';')
  const shown = plainName.test(name) ? name : redacted
  return parameters.length === 0 ? shown : `${shown};${redacted}`
}

function loggableQuery(query: string): string {
  // Separators stand at the odd places.
  const parts = query.split(separators)
  return parts
    .map((part, index) => {
      const [name = ''] = part.split('=')
      const isOurs = ourParameters.has(name) && parts[index - 1] !== ';' && parts[index - 1] !== '#'
      return part === '' || index % 2 === 1 || isOurs ? part : redacted
    })
    .join('')
}
