import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { correlationIdOf, type Logger } from '#observability'
import { type Problem, problemHeaders, problemOf } from './problem.ts'

const meanings: Record<string, { status: number; detail: string }> = {
  HPE_HEADER_OVERFLOW: { status: 431, detail: 'The headers are larger than 8 KiB' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, detail: 'The request did not arrive in time' },
}

interface AnswerOptions {
  logger: Logger
  /** The `Vary` of every answer. */
  vary?: string | undefined
  /** Where clients reach the API, without a slash at its end. */
  publicUrl?: string | undefined
}

interface Exchange {
  request: IncomingMessage
  response: ServerResponse
}

/** The newest request of each connection. */
const exchanges = new WeakMap<Duplex, Exchange>()

/** Refuses tunnels, and answers what is no HTTP request with all that is known of it. */
export function answerBrokenRequests(server: Server, options: AnswerOptions): void {
  server.prependListener('request', (request, response) => {
    exchanges.set(request.socket, { request, response })
  })
  server.on('connect', (request, socket) => refuseTunnel(request, socket, options))
  server.on('clientError', (error: Error & { code?: string }, socket) =>
    answerBroken(error, socket, options),
  )
}

function answerBroken(error: Error & { code?: string }, socket: Duplex, options: AnswerOptions) {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const { status, detail } = meanings[error.code ?? ''] ?? {
    status: 400,
    detail: 'This is not a valid HTTP request',
  }
  const { request, response } = exchanges.get(socket) ?? {}
  // A request whose head was whole, and whose body was late or broken.
  const isItsBody = request?.complete === false
  const given = isItsBody ? request.headers['x-correlation-id'] : undefined
  const correlationId = correlationIdOf([given].flat()[0])
  options.logger.info({ correlationId, status, code: error.code }, 'broken request refused')
  // In the middle of an answer another one would be taken for its next bytes, and no request has two.
  const isAnswering = response?.headersSent === true && !response.writableEnded
  if (!socket.writable || isAnswering) return void socket.destroy()
  if (isItsBody && response?.headersSent === true) return void socket.end()
  const instance = isItsBody ? instanceOf(request, options) : ''
  const problem = problemOf({ code: 'REQUEST_INVALID', status, detail, instance, correlationId })
  end(socket, problem, options)
}

function instanceOf({ url = '/' }: IncomingMessage, { publicUrl = '' }: AnswerOptions): string {
  const [path = '/'] = url.split('?')
  return `${publicUrl}${path}`
}

function refuseTunnel({ headers }: IncomingMessage, socket: Duplex, options: AnswerOptions) {
  const correlationId = correlationIdOf([headers['x-correlation-id']].flat()[0])
  const detail = 'CONNECT is not served'
  const problem = problemOf({ code: 'METHOD_NOT_ALLOWED', detail, instance: '', correlationId })
  end(socket, problem, options)
}

function end(socket: Duplex, problem: Problem, { vary }: AnswerOptions): void {
  const body = JSON.stringify(problem)
  const headers = {
    ...problemHeaders(problem, vary),
    ...(problem.status === 405 && { allow: '' }),
    'content-length': Buffer.byteLength(body),
    date: new Date().toUTCString(),
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const start = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n`
  socket.end(`${start}${lines.join('')}\r\n${body}`)
}
