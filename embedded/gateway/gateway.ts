import { once } from 'node:events'
import { createServer } from 'node:http'
import httpProxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy'
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import { z } from 'zod'
import type { ErrorCode } from '#domain'
import { problemMediaType, problemType } from '#http'
import { correlationIdOf, type Logger } from '#observability'
import { mergeMetrics } from './merge-metrics.ts'
import { mergeOpenApi } from './merge-openapi.ts'

interface GatewayOptions {
  port: number
  /** Without authentication only requests that name this machine are answered. */
  auth: 'off' | 'jwt'
  /** Where each service listens, by name. */
  services: Record<string, string> & { 'command-api': string; 'query-api': string }
  logger: Logger
}

/** One address in front of all services, on the loopback addresses of both families and nowhere else. */
export async function startGateway(
  options: GatewayOptions,
): Promise<{ url: string; close: () => Promise<void> }> {
  const app = buildGateway(options)
  await app.listen({ port: options.port, host: '127.0.0.1' })
  const second = await listenOnIpv6(app, options)
  return {
    url: `http://localhost:${options.port}`,
    close: async () => {
      second?.close()
      await app.close()
    },
  }
}

/** The gateway, listening on nothing. */
function buildGateway({ auth, services, logger }: GatewayOptions): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = logger
  const app = fastify({
    loggerInstance,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'correlationId',
    }),
    requestIdHeader: false,
    genReqId: ({ headers }) => correlationIdOf([headers['x-correlation-id']].flat()[0]),
    forceCloseConnections: 'idle',
  })
  if (auth === 'off') refuseForeignHosts(app)
  reportHealth(app, services)
  mergeMetrics(app, services)
  mergeOpenApi(app, [services['command-api'], services['query-api']])
  forwardApi(app, services)
  return app
}

// A machine without IPv6 has only the one address.
async function listenOnIpv6(app: FastifyInstance, { port, logger }: GatewayOptions) {
  const server = createServer((request, response) => app.routing(request, response))
  try {
    server.listen(port, '::1')
    await once(server, 'listening')
    return server
  } catch (error) {
    logger.debug({ err: error }, 'not listening on ::1')
    return undefined
  }
}

const CONNECT_TIMEOUT_MS = 2_000
const ANSWER_TIMEOUT_MS = 30_000
const commandMethods = ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

interface Services {
  'command-api': string
  'query-api': string
}

/** Reading goes to the query API, everything else to the command API, under the caller's correlation id. */
function forwardApi(app: FastifyInstance, services: Services): void {
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

interface GatewayProblem {
  code: ErrorCode
  status: number
  title: string
  retryable: boolean
}

/** Answers as the services answer: RFC 9457, with the correlation id. */
function answerProblem(
  request: Pick<FastifyRequest, 'id' | 'url'>,
  reply: FastifyReply,
  { code, status, title, retryable }: GatewayProblem,
): FastifyReply {
  return reply
    .code(status)
    .headers({ 'x-correlation-id': request.id, ...(retryable && { 'retry-after': '1' }) })
    .type(problemMediaType)
    .send({
      type: problemType(code),
      title,
      status,
      detail: title,
      instance: request.url,
      code,
      correlationId: request.id,
      retryable,
    })
}

const ours = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i

/**
 * Without authentication a page of some other site could reach us by a name of its own that points
 * here (DNS rebinding); its requests name that site.
 */
function refuseForeignHosts(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    if (ours.test(request.headers.host ?? '')) return undefined
    return answerProblem(request, reply, {
      code: 'FORBIDDEN',
      status: 403,
      title: 'Without authentication only localhost, 127.0.0.1 and [::1] are served',
      retryable: false,
    })
  })
}

const PROBE_TIMEOUT_MS = 5_000
const readiness = z.object({ failing: z.array(z.string()) })

/** `/health` and `/health/live`: this process answers. `/health/ready`: every service and what it needs. */
function reportHealth(app: FastifyInstance, services: Record<string, string>): void {
  app.get('/health', () => ({ status: 'ok', service: 'storewright' }))
  app.get('/health/live', () => ({ status: 'ok', service: 'storewright' }))
  app.get('/health/ready', async (_request, reply) => {
    const states = await Promise.all(
      Object.entries(services).map(async ([name, url]) => [name, await failuresOf(url)] as const),
    )
    const checks = Object.fromEntries(states.map(([name, failing]) => [name, stateOf(failing)]))
    const failing = [...new Set(states.flatMap(([name, parts]) => parts?.map(String) ?? [name]))]
    const ready = failing.length === 0
    return reply
      .code(ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status: ready ? 'ok' : 'unavailable', service: 'storewright', checks, failing })
  })
}

function stateOf(failing: string[] | undefined) {
  if (failing === undefined) return { status: 'failing', failing: ['does not answer'] }
  return failing.length === 0 ? { status: 'ok' } : { status: 'failing', failing }
}

/** The parts a service waits for; undefined when it does not answer itself. */
async function failuresOf(url: string): Promise<string[] | undefined> {
  try {
    const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS)
    const response = await fetch(new URL('/health/ready', url), { signal })
    const { failing } = readiness.parse(await response.json())
    return response.ok ? [] : failing
  } catch {
    return undefined
  }
}
