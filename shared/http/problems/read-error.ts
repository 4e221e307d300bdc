import { AppError, type ErrorCode } from '#domain'
import type { FastifyError } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import type { Fault } from './problem.ts'

/** What an error means to the caller. */
export interface ErrorMeaning {
  code: ErrorCode
  detail?: string
  retryable?: boolean
  errors?: Fault[]
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
  if (error instanceof AppError)
    return { code: error.code, detail: error.message, ...(error.retryable && { retryable: true }) }
  if (hasZodFastifySchemaValidationErrors(error))
    return {
      code: 'REQUEST_INVALID',
      detail: 'See errors for what to correct',
      errors: faultsOf(error),
    }
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return meanings[code] ?? { code: 'INTERNAL' }
}

type ValidationError = Pick<FastifyError, 'validation' | 'validationContext'>

const parts: Record<string, Fault['in']> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'headers',
}

function faultsOf({ validation = [], validationContext = 'body' }: ValidationError): Fault[] {
  const part = parts[validationContext] ?? 'body'
  return validation.flatMap(({ keyword, instancePath, message = 'is not valid', params }) => {
    const base = instancePath === '/' ? '' : instancePath
    if (keyword !== 'unrecognized_keys') return [{ in: part, pointer: base, detail: message }]
    const keys = Array.isArray(params['keys']) ? params['keys'].map(String) : []
    return keys.map((key) => ({
      in: part,
      pointer: `${base}/${escape(key)}`,
      detail: 'is not known',
    }))
  })
}

const escape = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')

function invalidBody(detail: string): ErrorMeaning {
  return { code: 'REQUEST_INVALID', detail, errors: [{ in: 'body', pointer: '', detail }] }
}
