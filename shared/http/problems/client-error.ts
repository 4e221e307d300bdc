import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { correlationIdOf, type Logger } from '#observability'
import { problemMediaType, problemOf } from './problem.ts'

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
    const problem = {
      code: 'REQUEST_INVALID',
      status,
      detail,
      instance: '',
      correlationId,
    } as const
    socket.end(responseOf(status, correlationId, JSON.stringify(problemOf(problem))))
  }
}

function responseOf(status: number, correlationId: string, body: string): string {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `content-type: ${problemMediaType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-correlation-id: ${correlationId}`,
    'connection: close',
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}
