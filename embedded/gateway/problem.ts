import type { ErrorCode } from '#domain'
import { problemMediaType, problemType } from '#http'
import type { FastifyReply, FastifyRequest } from 'fastify'

interface GatewayProblem {
  code: ErrorCode
  status: number
  title: string
  retryable: boolean
}

/** Answers as the services answer: RFC 9457, with the correlation id. */
export function answerProblem(
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
