import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { allowedMethods } from './allowed-methods.ts'
import { answers } from './answers.ts'
import { problemMediaType, problemOf } from './problem.ts'
import { readError, type ErrorMeaning } from './read-error.ts'

/** Answers every error of the server, and every address it does not know, with a problem document. */
export function answerErrors(app: FastifyInstance): void {
  const allowed = allowedMethods(app)
  app.setErrorHandler((error, request, reply) => {
    const meaning = readError(error)
    sendProblem(request, reply, meaning)
    if (reply.statusCode >= 500)
      request.log.error({ err: error, code: meaning.code }, 'request failed')
  })
  app.setNotFoundHandler((request, reply) => {
    const methods = allowed(pathOf(request))
    if (methods.length === 0) return sendProblem(request, reply, { code: 'ROUTE_NOT_FOUND' })
    reply.header('allow', methods.join(', '))
    const detail = `${request.method} is not served here, only ${methods.join(', ')}`
    return sendProblem(request, reply, { code: 'METHOD_NOT_ALLOWED', detail })
  })
}

/** Answers with an error's problem document. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, meaning: ErrorMeaning) {
  const problem = problemOf({ ...meaning, instance: pathOf(request), correlationId: request.id })
  const { retryAfter } = answers[meaning.code]
  if (retryAfter !== undefined && !reply.hasHeader('retry-after'))
    reply.header('retry-after', String(retryAfter))
  return reply.code(problem.status).type(problemMediaType).send(JSON.stringify(problem))
}

function pathOf(request: FastifyRequest): string {
  const [path = '/'] = request.url.split('?')
  return path
}
