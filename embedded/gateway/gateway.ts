import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import {
  answerBrokenRequests,
  problemMediaType,
  problemOf,
  securityHeaders,
  serverLimits,
} from '#http'
import { correlationIdOf, type Logger } from '#observability'
import { createForwarder } from './forward.ts'
import { readiness, type ServiceUrls } from './readiness.ts'

interface GatewayOptions {
  host: string
  port: number
  /** Where clients reach it, as the services have it. */
  publicUrl?: string | undefined
  /** The `Vary` of the services' answers. */
  vary?: string | undefined
  /** Whose `X-Forwarded-For` is believed; nobody's unless given. */
  trustedProxies?: readonly string[]
  /** Where each service listens, by name. */
  services: ServiceUrls
  logger: Logger
}

export interface Gateway {
  url: string
  /** Refuses new connections; requests that are being answered go on. */
  stopListening: () => void
  /** Cuts what is still open. */
  close: () => void
}

const IPV4_LOOPBACK = '127.0.0.1'
const IPV6_LOOPBACK = '::1'

/** One address in front of all services: it hands each request on as it is, and adds the health of the whole. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { host, port } = options
  const forwarder = createForwarder(options)
  const answer = requestHandler(options, forwarder.forward)
  const first = await listen(answer, options)
  const second = host === IPV4_LOOPBACK ? await listenOnIpv6(answer, options) : undefined
  const servers = [first, ...(second ? [second] : [])]
  return {
    url: `http://${host === IPV4_LOOPBACK ? 'localhost' : hostInUrl(host)}:${port}`,
    stopListening: () => servers.forEach((server) => server.close()),
    close: () => {
      for (const server of servers) {
        server.close()
        server.closeAllConnections()
      }
      forwarder.close()
    },
  }
}

const hostInUrl = (host: string): string => (host.includes(':') ? `[${host}]` : host)

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** Sends reading to the query API and everything else to the command API, as the platform's routes do. */
function requestHandler(
  { services, vary }: GatewayOptions,
  forward: (request: IncomingMessage, response: ServerResponse, target: URL) => void,
): Handler {
  const own: Record<string, OwnAnswer> = {
    '/health': async () => alive,
    '/health/live': async () => alive,
    '/health/ready': () => readiness(services),
    '/metrics': async () => whereMetricsAre(services),
  }
  return (request, response) => {
    const { method = 'GET', url = '/' } = request
    const isReading = method === 'GET' || method === 'HEAD'
    const [asked = '/'] = url.split('?')
    // As the services do.
    const path = asked.length > 1 ? asked.replace(/\/$/, '') : asked
    const ownAnswer = isReading ? own[path] : undefined
    if (ownAnswer) return void answerItself(ownAnswer, request, { response, vary })
    const measured = isReading ? measuredService(services, path) : undefined
    if (measured) return forward(request, response, new URL('/metrics', measured))
    forward(request, response, new URL(services[isReading ? 'query-api' : 'command-api']))
  }
}

type OwnAnswer = () => Promise<{ status: number; body: object }>

const alive = { status: 200, body: { status: 'ok', service: 'storewright' } }

/** `/metrics/<service>` is that service's own `/metrics`. */
function measuredService(services: ServiceUrls, path: string): string | undefined {
  const name = /^\/metrics\/([\w-]+)$/.exec(path)?.[1] ?? ''
  return Object.hasOwn(services, name) ? services[name] : undefined
}

function whereMetricsAre(services: ServiceUrls) {
  const paths = Object.keys(services).map((name) => `/metrics/${name}`)
  const detail = `Each service has metrics of its own: ${paths.join(', ')}`
  const correlationId = correlationIdOf(undefined)
  const body = problemOf({ code: 'ROUTE_NOT_FOUND', detail, instance: '/metrics', correlationId })
  return { status: body.status, body }
}

interface Answering {
  response: ServerResponse
  vary: string | undefined
}

async function answerItself(
  answer: OwnAnswer,
  request: IncomingMessage,
  { response, vary }: Answering,
) {
  const { status, body } = await answer()
  const type = status === 404 ? problemMediaType : 'application/json'
  request.resume()
  response.writeHead(status, {
    ...securityHeaders,
    ...(vary !== undefined && { vary }),
    'content-type': `${type}; charset=utf-8`,
    'cache-control': 'no-store',
  })
  response.end(JSON.stringify(body))
}

async function listen(answer: Handler, options: GatewayOptions): Promise<Server> {
  const server = createServer(serverLimits(), answer)
  // A service refuses what it does not expect, so that it is refused in one way.
  server.on('checkExpectation', answer)
  answerBrokenRequests(server, options)
  server.on('request', (_request, response) => {
    response.once('close', () => {
      if (!server.listening) setImmediate(() => server.closeIdleConnections())
    })
  })
  server.listen(options.port, options.host)
  await once(server, 'listening')
  return server
}

// A machine without IPv6 has only the one address.
async function listenOnIpv6(answer: Handler, options: GatewayOptions): Promise<Server | undefined> {
  try {
    return await listen(answer, { ...options, host: IPV6_LOOPBACK })
  } catch (error) {
    options.logger.debug({ err: error }, 'not listening on ::1')
    return undefined
  }
}
