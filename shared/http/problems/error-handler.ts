import { STATUS_CODES } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError, type ErrorCode } from '#domain'
import { kindOfError, limitLines } from '#observability'
import { allowedMethods, type RouteMethods } from './allowed-methods.ts'
import { type Fault, problemMediaType, problemOf, retryAfterOf } from './problem.ts'
import { faultsOf, RequestFaults } from './request-faults.ts'
import { answers } from './status-of-code.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The code of an answer that is a fault of the server. */
    failedWith: ErrorCode | undefined
  }
}

/** Answers every error of the server, and every address it does not know, with a problem document; `known` routes count beside its own. */
export function answerErrors(app: FastifyInstance, known: RouteMethods): void {
  const allowed = allowedMethods(app, known)
  const limited = limitLines()
  const answerNotFound = (request: FastifyRequest, reply: FastifyReply) => {
    const methods = allowed(pathOf(request))
    if (methods.length === 0) return sendProblem(request, reply, { code: 'ROUTE_NOT_FOUND' })
    reply.header('allow', methods.join(', '))
    const detail = `${request.method} is not served here, only ${methods.join(', ')}`
    return sendProblem(request, reply, { code: 'METHOD_NOT_ALLOWED', detail })
  }
  app.decorateRequest('failedWith')
  // A path of its own at another service looks like an id at this one.
  app.addHook('onRequest', async (request, reply) => {
    const path = pathOf(request).replace(/(.)\/$/, '$1')
    const { is404, method, routeOptions } = request
    if (is404 || routeOptions.url === path || !Object.hasOwn(known, path)) return
    if (method !== 'OPTIONS' && known[path]?.includes(method) === false)
      answerNotFound(request, reply)
  })
  app.setNotFoundHandler(answerNotFound)
  app.setErrorHandler(async (error, request, reply) => {
    // Whatever is wrong with its body, nobody would have read it.
    if (request.is404 && !(error instanceof AppError)) return answerNotFound(request, reply)
    const meaning = readError(await countMistake(error, request, reply))
    sendProblem(request, reply, meaning)
    if (reply.statusCode < 500) return reply
    const { code } = meaning
    limited(`${code} ${kindOfError(error)}`, (counted) =>
      request.log.error({ err: error, code, ...counted }, 'request failed'),
    )
    return reply
  })
}

/** A request that its own mistake ended before it was counted counts too; it may be one too many. */
async function countMistake(error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const { code, status = answers[code].status } = readError(error)
  const isPublic = request.is404 || request.routeOptions.config.policy === 'public'
  if (isPublic || status >= 500) return error
  return request.server.countRequest(request, reply).then(
    () => error,
    (refused: unknown) => refused,
  )
}

/** Answers with an error's problem document. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, meaning: ErrorMeaning) {
  const instance = request.server.linkTo(pathOf(request))
  const problem = problemOf({ ...meaning, instance, correlationId: request.id })
  if (problem.status >= 500) request.failedWith = problem.code
  if (!reply.hasHeader('retry-after')) reply.headers(retryAfterOf(problem))
  return reply.code(problem.status).type(problemMediaType).send(JSON.stringify(problem))
}

function pathOf(request: FastifyRequest): string {
  const [path = '/'] = request.url.split('?')
  return path
}

/** What an error means to the caller. */
interface ErrorMeaning {
  code: ErrorCode
  detail?: string
  retryable?: boolean
  nextAction?: string
  errors?: Fault[]
  storeId?: string
  /** Where it differs from the code's own. */
  status?: number
}

const meanings: Record<string, ErrorMeaning> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'BODY_TOO_LARGE', detail: 'At most 16 KiB are read' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'MEDIA_TYPE_UNSUPPORTED',
    detail: 'Send the body as application/json',
  },
  FST_ERR_CTP_INVALID_JSON_BODY: invalidBody('The body is not valid JSON'),
  FST_ERR_CTP_EMPTY_JSON_BODY: invalidBody('The body is empty'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: invalidBody('Content-Length does not fit the body'),
  FST_ERR_BAD_URL: { code: 'REQUEST_INVALID', detail: 'The address is not a valid URL' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'ROUTE_NOT_FOUND' },
}

/** Translates anything thrown while a request is served; what is not known is INTERNAL and tells nothing. */
export function readError(error: unknown): ErrorMeaning {
  if (error instanceof AppError) {
    const { code, message: detail, retryable, details } = error
    const { nextAction, storeId } = details
    return {
      code,
      detail,
      retryable,
      ...(typeof nextAction === 'string' && { nextAction }),
      ...(code === 'REFERENCE_TAKEN' && { storeId: String(storeId) }),
    }
  }
  if (error instanceof RequestFaults)
    return {
      code: 'REQUEST_INVALID',
      detail: 'See errors for what to correct',
      errors: faultsOf(error),
    }
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return meanings[code] ?? mistakeOf(error) ?? { code: 'INTERNAL' }
}

/** A client's mistake that the framework names and we do not keeps its status. */
function mistakeOf(error: unknown): ErrorMeaning | undefined {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  if (!(status >= 400 && status < 500)) return undefined
  return {
    code: 'REQUEST_INVALID',
    status,
    detail: STATUS_CODES[status] ?? 'The request is not valid',
  }
}

function invalidBody(detail: string): ErrorMeaning {
  return { code: 'REQUEST_INVALID', detail, errors: [{ in: 'body', pointer: '', detail }] }
}
