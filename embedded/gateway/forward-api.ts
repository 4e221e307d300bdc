import httpProxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy'
import type { FastifyInstance } from 'fastify'
import { answerProblem } from './problem.ts'

const CONNECT_TIMEOUT_MS = 2_000
const ANSWER_TIMEOUT_MS = 30_000
const commandMethods = ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

interface Services {
  'command-api': string
  'query-api': string
}

/** Reading goes to the query API, everything else to the command API, under the caller's correlation id. */
export function forwardApi(app: FastifyInstance, services: Services): void {
  // The service itself logs each request, once; what fails here is logged below.
  const logLevel = 'silent'
  const reading = { ...to(services['query-api']), httpMethods: ['GET', 'HEAD'] }
  const commanding = { ...to(services['command-api']), httpMethods: commandMethods }
  app.register(httpProxy, { ...reading, logLevel })
  app.register(httpProxy, { ...commanding, logLevel })
  app.setErrorHandler((error, request, reply) => {
    const { id: correlationId, method, url } = request
    app.log.warn({ err: error, correlationId, method, url }, 'a service does not answer')
    return answerProblem(request, reply, {
      code: 'OVERLOADED',
      status: 503,
      title: 'The service cannot take this request now',
      retryable: true,
    })
  })
  app.setNotFoundHandler((request, reply) =>
    answerProblem(request, reply, {
      code: 'ROUTE_NOT_FOUND',
      status: 404,
      title: 'There is nothing at this address',
      retryable: false,
    }),
  )
}

function to(upstream: string): FastifyHttpProxyOptions {
  return {
    upstream,
    prefix: '/api',
    rewritePrefix: '/api',
    // Streams of changes stay open and may be silent for long.
    undici: {
      connect: { timeout: CONNECT_TIMEOUT_MS },
      headersTimeout: ANSWER_TIMEOUT_MS,
      bodyTimeout: 0,
    },
    replyOptions: {
      rewriteRequestHeaders: (request, headers) => ({
        ...headers,
        host: request.headers.host,
        'x-correlation-id': request.id,
      }),
    },
  }
}
