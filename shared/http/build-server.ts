import fastify, { type FastifyBaseLogger, LogController } from 'fastify'
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Registry } from 'prom-client'
import { correlationIdOf, type Logger } from '#observability'
import { authenticate, type AuthOptions } from './auth/authenticate.ts'
import { type HealthCheck, serveHealth } from './health.ts'
import { parseJson } from './json-body.ts'
import { shedLoad } from './load-shedding.ts'
import { serveMetrics } from './metrics.ts'
import { serveOpenApi } from './openapi.ts'
import { answerBrokenRequests } from './problems/client-error.ts'
import { answerErrors, readError, sendProblem } from './problems/error-handler.ts'
import { limitRate } from './rate-limit.ts'
import { traceRequests } from './request-log.ts'
import { secureHeaders } from './security-headers.ts'

export interface ServerOptions {
  service: string
  logger: Logger
  auth?: AuthOptions
  /** What the service needs to be ready, by name. */
  checks?: Record<string, HealthCheck>
  rateLimitPerMinute?: number
  registry?: Registry
  requestTimeoutMs?: number
  healthTimeoutMs?: number
  /** Requests are refused while the event loop is later than this. */
  loopDelayMaxMs?: number
}

export type HttpServer = ReturnType<typeof buildServer>

/** A server with every convention in place and no routes but health, metrics and OpenAPI; it listens on nothing. */
export function buildServer(options: ServerOptions) {
  const { service, logger, auth = { mode: 'none' }, checks = {}, registry } = options
  const loggerInstance: FastifyBaseLogger = logger
  const app = fastify({
    loggerInstance,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'correlationId',
    }),
    requestIdHeader: false,
    genReqId: ({ headers }) => correlationIdOf([headers['x-correlation-id']].flat()[0]),
    bodyLimit: 16 * 1024,
    http: { maxHeaderSize: 8 * 1024 },
    requestTimeout: options.requestTimeoutMs ?? 15_000,
    connectionTimeout: 0,
    keepAliveTimeout: 30_000,
    return503OnClosing: true,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
    clientErrorHandler: answerBrokenRequests(logger),
    frameworkErrors: (error, request, reply) => {
      reply.header('x-correlation-id', request.id)
      sendProblem(request, reply, readError(error))
    },
  })
  app.setValidatorCompiler(validatorCompiler)
  // A response schema documents the answer and is held by the tests; checking each answer again would cost every request.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  parseJson(app)
  answerErrors(app)
  traceRequests(app)
  shedLoad(app, options.loopDelayMaxMs ?? 1_000)
  const authentication = authenticate(app, auth)
  limitRate(app, options.rateLimitPerMinute ?? 6_000)
  secureHeaders(app)
  serveOpenApi(app, service)
  serveHealth(app, {
    service,
    checks: { ...checks, ...authentication },
    timeoutMs: options.healthTimeoutMs,
  })
  serveMetrics(app, registry)
  return app.withTypeProvider<ZodTypeProvider>()
}
