import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  request as send,
  type ServerResponse,
} from 'node:http'
import { pipeline } from 'node:stream'
import { bodyLimit, clientAddresses, loggableUrl, problemHeaders, problemOf } from '#http'
import { correlationIdOf, kindOfError, limitLines, type Logger } from '#observability'

const ANSWER_TIMEOUT_MS = 30_000
// RFC 9110 §7.6.1: these are between two neighbours and go no further.
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
]

interface ForwarderOptions {
  logger: Logger
  publicUrl?: string | undefined
  vary?: string | undefined
  trustedProxies?: readonly string[]
}

/** Hands requests on to services over kept connections, each once, and what they answer back. */
export function createForwarder(options: ForwarderOptions) {
  const { logger, trustedProxies = [] } = options
  const clientAddressOf = clientAddresses(trustedProxies)
  const agent = new Agent({ keepAlive: true })
  const limited = limitLines()
  const forward = (request: IncomingMessage, response: ServerResponse, target: URL): void => {
    const { method } = request
    const path = target.pathname === '/' ? request.url : target.pathname
    const asked = {
      agent,
      host: target.hostname,
      port: target.port,
      // Else the agent wants one Host to name a TLS server by; a second one is the service's to refuse.
      servername: '',
      method,
      path,
      // Whatever a client said of itself is replaced by what is known of it.
      headers: { ...requestHeaders(request), 'x-forwarded-for': [clientAddressOf(request)] },
      setHost: false,
    }
    const upstream = send(asked)
    upstream.setTimeout(ANSWER_TIMEOUT_MS, () => upstream.destroy(new Error('no answer in time')))
    upstream.on('response', (answer) => {
      upstream.setTimeout(0)
      // What is still to come of the request nobody waits for.
      if (!request.complete) request.unpipe(upstream).resume()
      writeHead(response, answer)
      pipeline(answer, response, () => {})
    })
    upstream.on('error', (err) => {
      if (response.headersSent || response.destroyed) return
      const url = loggableUrl(request.url ?? '/')
      limited(kindOfError(err), (counted) =>
        logger.warn({ err, method, url, ...counted }, 'a service does not answer'),
      )
      refuse(request, response, options)
    })
    // A client that has gone, or whose body broke off, waits for nothing.
    response.on('close', () => upstream.destroy())
    sendBody(request, upstream)
  }
  return { forward, close: () => agent.destroy() }
}

/**
 * No more of a body than a service reads: it refuses a larger one, and who goes on writing then cannot read
 * the refusal.
 */
function sendBody(request: IncomingMessage, upstream: ClientRequest): void {
  if (Number(request.headers['content-length'] ?? 0) > bodyLimit) return upstream.flushHeaders()
  let sent = 0
  request.on('data', (chunk: Buffer) => {
    sent += chunk.length
    if (sent > bodyLimit) request.unpipe(upstream)
  })
  request.pipe(upstream)
}

function requestHeaders(request: IncomingMessage): Record<string, string[]> {
  const { headersDistinct } = request
  const dropped = new Set([...hopByHop, ...namedBy(headersDistinct['connection'])])
  // Answered here already, before the body came; another expectation is the service's to refuse.
  if (request.headers.expect?.toLowerCase() === '100-continue') dropped.add('expect')
  const kept: Record<string, string[]> = {}
  for (const [name, values] of Object.entries(headersDistinct))
    if (values && !dropped.has(name)) kept[name] = values
  // HTTP/1.0 may leave out what the service's HTTP/1.1 must have.
  if (request.httpVersion === '1.0') kept['host'] ??= ['localhost']
  return kept
}

/** What a Connection header names is between two neighbours too, but never how the message is framed. */
function namedBy(connection: string[] | undefined): string[] {
  const names = (connection ?? []).join(',').toLowerCase().split(',')
  const framing = ['transfer-encoding', 'content-length', 'host', 'close']
  return names.map((name) => name.trim()).filter((name) => !framing.includes(name))
}

function writeHead(response: ServerResponse, answer: IncomingMessage): void {
  const { statusCode = 502, statusMessage, rawHeaders } = answer
  const closes = answer.headers.connection?.toLowerCase() === 'close'
  const dropped = new Set([
    ...hopByHop,
    'transfer-encoding',
    ...namedBy(answer.headersDistinct['connection']),
  ])
  const kept: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = rawHeaders.slice(index, index + 2)
    if (!dropped.has(name.toLowerCase())) kept.push(name, value)
  }
  if (closes) kept.push('connection', 'close')
  response.writeHead(statusCode, statusMessage, kept)
  // A stream may be silent for long after its head.
  if (answer.headers['content-length'] === undefined) response.flushHeaders()
}

/** The one answer of our own: the service that should answer cannot be reached. */
function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { publicUrl = '', vary }: ForwarderOptions,
): void {
  const given = request.headers['x-correlation-id']
  const correlationId = correlationIdOf([given].flat()[0])
  const [path = '/'] = (request.url ?? '/').split('?')
  const instance = `${publicUrl}${path}`
  const problem = problemOf({ code: 'OVERLOADED', instance, correlationId })
  request.resume()
  response.writeHead(problem.status, problemHeaders(problem, vary))
  response.end(JSON.stringify(problem))
}
