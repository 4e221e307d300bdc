import { z } from 'zod'
import { type ErrorCode, isRetryable } from '#domain'
import { securityHeaders } from '../security-headers.ts'
import { answers } from './status-of-code.ts'

/** One fault in a request, and where: a JSON Pointer (RFC 6901) into the part it names. */
export interface Fault {
  in: 'body' | 'query' | 'path' | 'headers'
  pointer: string
  detail: string
}

/** What any error is told as: RFC 9457 `application/problem+json`. */
export interface Problem {
  /** Stable: a client may compare it. */
  type: string
  title: string
  status: number
  detail: string
  /** The path that was asked. */
  instance: string
  code: ErrorCode
  correlationId: string
  /** True when the same request may succeed later. */
  retryable: boolean
  /** What to do about it, where that is known. */
  nextAction?: string
  errors?: Fault[]
  /** REFERENCE_TAKEN: the store that has it, which is of the same tenant. */
  storeId?: string
}

export const problemMediaType = 'application/problem+json'

interface ProblemInput {
  code: ErrorCode
  detail?: string | undefined
  instance: string
  correlationId: string
  retryable?: boolean
  nextAction?: string | undefined
  errors?: Fault[]
  storeId?: string
  status?: number
}

/** The problem document of an error code. A server fault never tells more than its title and what to do. */
export function problemOf(input: ProblemInput): Problem {
  const { code, instance, correlationId, nextAction, errors, storeId } = input
  const answer = answers[code]
  const status = input.status ?? answer.status
  const ofServer = [answer.title, ...(answer.advice === undefined ? [] : [answer.advice])].join(
    ': ',
  )
  return {
    type: problemType(code),
    title: answer.title,
    status,
    detail: status >= 500 ? ofServer : (input.detail ?? answer.title),
    instance,
    code,
    correlationId,
    retryable: input.retryable ?? isRetryable(code),
    ...(nextAction === undefined || status >= 500 ? {} : { nextAction }),
    ...(errors === undefined ? {} : { errors }),
    ...(storeId === undefined ? {} : { storeId }),
  }
}

/** The headers of a problem that no framework answers. */
export function problemHeaders(problem: Problem, vary?: string): Record<string, string> {
  return {
    ...securityHeaders,
    // As the framework writes it.
    'content-type': `${problemMediaType}; charset=utf-8`,
    'cache-control': 'no-store',
    ...(vary !== undefined && { vary }),
    'x-correlation-id': problem.correlationId,
    ...retryAfterOf(problem),
  }
}

/** The header that says when to ask again, where that can help. */
export function retryAfterOf({ code, retryable }: Problem): Record<string, string> {
  const { retryAfter } = answers[code]
  return retryable && retryAfter !== undefined ? { 'retry-after': String(retryAfter) } : {}
}

/** The `type` of a code's problems: `urn:storewright:problem:quota-exceeded`. */
const problemType = (code: ErrorCode): string =>
  `urn:storewright:problem:${code.toLowerCase().replaceAll('_', '-')}`

const fault = z.object({
  in: z.enum(['body', 'query', 'path', 'headers']),
  pointer: z.string().describe('JSON Pointer (RFC 6901) into that part'),
  detail: z.string(),
})

/** A problem as the OpenAPI document describes it. */
export const problemSchema = z
  .object({
    type: z.string().meta({ format: 'uri', description: 'Stable: a program may compare it' }),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    instance: z.string().describe('The path that was asked'),
    code: z.string().describe('Stable: a program may compare it'),
    correlationId: z.string(),
    retryable: z.boolean().describe('The same request may succeed later'),
    nextAction: z.string().optional().describe('What to do about it, where that is known'),
    errors: z.array(fault).optional(),
    storeId: z.uuid().optional().describe('`REFERENCE_TAKEN`: the store that has it'),
  })
  .meta({ id: 'Problem', description: 'Any error (RFC 9457)' })
