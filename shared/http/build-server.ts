import type { IncomingMessage, Server } from 'node:http'
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Registry } from 'prom-client'
import { AppError } from '#domain'
import { correlationIdOf, type Logger } from '#observability'
import { authenticate, type AuthOptions } from './auth/authenticate.ts'
import { clientAddresses } from './client-address.ts'
import { allowOrigins, originHeaders, refuseForeignSites } from './cors.ts'
import { type HealthCheck, serveHealth } from './health.ts'
import { parseJson } from './json-body.ts'
import { limitRate, type LimitsOf, shedLoad } from './limits.ts'
import { serveMetrics } from './metrics.ts'
import { serveOpenApi } from './openapi/serve.ts'
import { apiRoutes } from './problems/allowed-methods.ts'
import { answerBrokenRequests } from './problems/client-error.ts'
import { answerErrors, readError, sendProblem } from './problems/error-handler.ts'
import { checkRequests } from './problems/request-faults.ts'
import { traceRequests } from './request-log.ts'
import { secureHeaders, securityHeaders, varyOf } from './security-headers.ts'

export interface ServerOptions {
  service: string
  logger: Logger
  auth?: AuthOptions
  /** Origins of pages that may use the API from a browser; none unless given. */
  corsOrigins?: readonly string[] | undefined
  /** Whose `X-Forwarded-For` is believed; nobody's unless given. */
  trustedProxies?: readonly string[] | undefined
  /** What the service needs to be ready, by name. */
  checks?: Record<string, HealthCheck>
  /** Where clients reach the API, without a slash at its end; links begin with it. */
  publicUrl?: string | undefined
  rateLimitPerMinute?: number
  /** What tenants may instead of the defaults; nothing unless given. */
  limitsOf?: LimitsOf
  registry?: Registry
  requestTimeoutMs?: number
  healthTimeoutMs?: number
  /** Requests are refused while the event loop is later than this. */
  loopDelayMaxMs?: number
}

declare module 'fastify' {
  interface FastifyInstance {
    /** A path of the API as a client reaches it. */
    linkTo: (path: string) => string
  }
}

const REQUEST_TIMEOUT_MS = 15_000
const KEEP_ALIVE_MS = 30_000

/** Bytes of a body that are read; a larger one is refused. */
export const bodyLimit = 16 * 1024

/** How large and how slow a request may be: the same at every door. */
export function serverLimits(requestTimeoutMs = REQUEST_TIMEOUT_MS) {
  return {
    maxHeaderSize: 8 * 1024,
    headersTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    // Node looks at what is late only so often.
    connectionsCheckingInterval: Math.min(1_000, requestTimeoutMs),
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Refused as a problem instead of without a word.
    requireHostHeader: false,
  }
}

export type HttpServer = ReturnType<typeof buildServer>

/** A server with every convention in place and no routes but health, metrics and OpenAPI; it listens on nothing. */
export function buildServer(options: ServerOptions) {
  const { service, logger, auth = { mode: 'none' }, checks = {}, registry } = options
  const loggerInstance: FastifyBaseLogger = logger
  const { publicUrl = '', corsOrigins = [] } = options
  const vary = varyOf(auth.mode, corsOrigins)
  const app = fastify({
    loggerInstance,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'correlationId',
    }),
    requestIdHeader: false,
    genReqId: ({ headers }) => correlationIdOf([headers['x-correlation-id']].flat()[0]),
    bodyLimit,
    http: serverLimits(options.requestTimeoutMs),
    requestTimeout: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    connectionTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    return503OnClosing: true,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
    // Answered with the requests that it belongs to, below.
    clientErrorHandler: () => {},
    frameworkErrors: (error, request, reply) => {
      reply.headers({ ...securityHeaders, ...originHeaders(request.headers, corsOrigins) })
      reply.header('cache-control', 'no-store')
      if (vary !== undefined) reply.header('vary', vary)
      reply.header('x-correlation-id', request.id)
      sendProblem(request, reply, readError(error))
    },
  })
  app.decorate('linkTo', (path) => `${publicUrl}${path}`)
  const clientAddressOf = clientAddresses(options.trustedProxies ?? [])
  app.decorateRequest('clientAddress', {
    getter() {
      return clientAddressOf(this.raw)
    },
  })
  app.setValidatorCompiler(checkRequests)
  // A response schema documents the answer and is held by the tests; checking each answer again would cost every request.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  parseJson(app)
  answerErrors(app, auth.mode === 'none' ? {} : apiRoutes)
  traceRequests(app)
  secureHeaders(app, vary)
  allowOrigins(app, corsOrigins)
  answerBrokenRequests(app.server, { logger, vary, publicUrl })
  answerExpectations(app.server)
  requireSingleHeaders(app)
  if (auth.mode === 'off') refuseForeignSites(app)
  shedLoad(app, options.loopDelayMaxMs ?? 1_000)
  const authentication = authenticate(app, auth)
  const { rateLimitPerMinute: perMinute = 6_000, limitsOf = () => ({}) } = options
  limitRate(app, { perMinute, limitsOf })
  serveOpenApi(app)
  serveHealth(app, {
    service,
    checks,
    alternatives: authentication,
    timeoutMs: options.healthTimeoutMs,
  })
  serveMetrics(app, registry)
  return app.withTypeProvider<ZodTypeProvider>()
}

/** An expectation other than 100-continue reaches the routes' error handler instead of an empty answer. */
function answerExpectations(server: Server): void {
  server.on('checkExpectation', (request: IncomingMessage, response) => {
    server.emit('request', request, response)
  })
}

// Of two lines Node drops one or joins them to a third value; either way another reader may see something else.
const singleHeaders = new Set([
  'authorization',
  'content-encoding',
  'content-type',
  'expect',
  'host',
  'idempotency-key',
  'last-event-id',
  'x-position',
  'x-reason',
  'x-tenant',
  'x-user-id',
])

/** Refuses a request that gives a header of one value in two lines, or names no host. */
function requireSingleHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ raw }) => {
    const seen = new Set<string>()
    for (let index = 0; index < raw.rawHeaders.length; index += 2) {
      const name = raw.rawHeaders[index]?.toLowerCase() ?? ''
      if (!singleHeaders.has(name)) continue
      if (seen.has(name)) throw new AppError('REQUEST_INVALID', `${name} must be sent once`)
      seen.add(name)
    }
    if (!seen.has('host') && raw.httpVersion === '1.1')
      throw new AppError('REQUEST_INVALID', 'The request must name its host')
    const { expect } = raw.headers
    if (expect !== undefined && expect.toLowerCase() !== '100-continue')
      throw Object.assign(new Error(`Expect: ${expect}`), { statusCode: 417 })
  })
}
