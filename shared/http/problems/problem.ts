import type { ErrorCode } from '#domain'
import { answers } from './answers.ts'

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
  errors?: Fault[]
}

export const problemMediaType = 'application/problem+json'

interface ProblemInput {
  code: ErrorCode
  detail?: string | undefined
  instance: string
  correlationId: string
  retryable?: boolean
  errors?: Fault[]
  status?: number
}

/** The problem document of an error code. A server fault never tells more than its title. */
export function problemOf(input: ProblemInput): Problem {
  const { code, instance, correlationId, errors } = input
  const answer = answers[code]
  const status = input.status ?? answer.status
  return {
    type: problemType(code),
    title: answer.title,
    status,
    detail: status >= 500 ? answer.title : (input.detail ?? answer.title),
    instance,
    code,
    correlationId,
    retryable: input.retryable ?? answer.retryAfter !== undefined,
    ...(errors === undefined ? {} : { errors }),
  }
}

/** The `type` of a code's problems: `urn:storewright:problem:quota-exceeded`. */
export const problemType = (code: ErrorCode): string =>
  `urn:storewright:problem:${code.toLowerCase().replaceAll('_', '-')}`
