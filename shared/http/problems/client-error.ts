import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { correlationIdOf, type Logger } from '#observability'
import { type Problem, problemHeaders, problemOf } from './problem.ts'

const meanings: Record<string, { status: number; detail: string }> = {
  HPE_HEADER_OVERFLOW: { status: 431, detail: 'The headers are larger than 8 KiB' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, detail: 'The request did not arrive in time' },
}

/** Answers what is no HTTP request at all: a handler of the server's `clientError`. */
export function answerBrokenRequests(logger: Logger) {
  return (error: Error & { code?: string }, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return
    const { status, detail } = meanings[error.code ?? ''] ?? {
      status: 400,
      detail: 'This is not a valid HTTP request',
    }
    const correlationId = correlationIdOf(undefined)
    logger.info({ correlationId, status, code: error.code }, 'broken request refused')
    if (!socket.writable) return void socket.destroy()
    end(socket, problemOf({ code: 'REQUEST_INVALID', status, detail, instance: '', correlationId }))
  }
}

/** Answers CONNECT, which asks for a tunnel: a handler of the server's `connect`. */
export function refuseTunnel({ headers }: IncomingMessage, socket: Duplex): void {
  const correlationId = correlationIdOf([headers['x-correlation-id']].flat()[0])
  const detail = 'CONNECT is not served'
  end(socket, problemOf({ code: 'METHOD_NOT_ALLOWED', detail, instance: '', correlationId }))
}

function end(socket: Duplex, problem: Problem): void {
  const body = JSON.stringify(problem)
  const headers = {
    ...problemHeaders(problem),
    ...(problem.status === 405 && { allow: '' }),
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const start = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n`
  socket.end(`${start}${lines.join('')}\r\n${body}`)
}
