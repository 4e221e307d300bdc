import { createServer } from 'node:http'
import { once } from 'node:events'
import { correlationIdOf, type Logger } from '#observability'
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { forwardApi } from './forward-api.ts'
import { mergeMetrics } from './merge-metrics.ts'
import { mergeOpenApi } from './merge-open-api.ts'
import { refuseForeignHosts } from './refuse-foreign-hosts.ts'
import { reportHealth } from './report-health.ts'

export interface GatewayOptions {
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
