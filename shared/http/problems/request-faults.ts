import type { FastifySchemaCompiler } from 'fastify'
import type { z } from 'zod'
import type { Fault } from './problem.ts'

/** A request that does not fit the schema of its route. */
export class RequestFaults extends Error {
  override readonly name = 'RequestFaults'
  readonly issues: z.core.$ZodIssue[]
  /** Which part of the request: fastify says it. */
  validationContext?: string

  constructor(issues: z.core.$ZodIssue[]) {
    super('The request does not fit its schema')
    this.issues = issues
  }
}

/** Checks each part of a request by its zod schema; what is wrong is said in words of this API. */
export const checkRequests: FastifySchemaCompiler<z.ZodType> =
  ({ schema }) =>
  (data: unknown) => {
    const { error, data: value } = schema.safeParse(data, { error: inOurWords })
    return error === undefined ? { value } : { error: new RequestFaults(error.issues) }
  }

const parts: Record<string, Fault['in']> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'headers',
}

/** Each fault with the place it is at. */
export function faultsOf({ issues, validationContext = 'body' }: RequestFaults): Fault[] {
  const part = parts[validationContext] ?? 'body'
  return issues.flatMap((issue) => {
    const pointer = pointerTo(issue.path)
    if (issue.code !== 'unrecognized_keys') return [{ in: part, pointer, detail: issue.message }]
    return issue.keys.map((key) => ({
      in: part,
      pointer: `${pointer}${pointerTo([key])}`,
      detail: 'is not known',
    }))
  })
}

const pointerTo = (path: PropertyKey[]): string =>
  path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')

const kinds: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a JSON object',
  array: 'a list',
}

/** What a schema has no words of its own for. */
function inOurWords(issue: z.core.$ZodRawIssue): string {
  if (issue.input === undefined) return 'is needed'
  if (issue.code === 'invalid_type') {
    // A parameter that came more than once.
    if (issue.expected === 'string' && Array.isArray(issue.input)) return 'must be given once'
    return `must be ${kinds[issue.expected] ?? 'of another type'}`
  }
  if (issue.code === 'invalid_value') {
    const choice = issue.values.map(String).join(', ')
    return issue.values.length > 1 ? `must be one of ${choice}` : `must be ${choice}`
  }
  if (issue.code === 'too_small') return bounded('at least', issue.minimum, issue.origin)
  if (issue.code === 'too_big') return bounded('at most', issue.maximum, issue.origin)
  if (issue.code === 'invalid_format')
    return issue.format === 'uuid' ? 'must be a UUID' : 'has not the right form'
  return 'is not valid'
}

function bounded(bound: string, limit: number | bigint, origin: string): string {
  if (origin !== 'string') return `must be ${bound} ${limit}`
  return `must have ${bound} ${limit} ${limit === 1 ? 'character' : 'characters'}`
}
