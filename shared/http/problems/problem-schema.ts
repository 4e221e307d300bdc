import { errorCodes } from '#domain'
import { problemMediaType } from './problem.ts'

const text = { type: 'string' }
const fault = {
  type: 'object',
  required: ['in', 'pointer', 'detail'],
  properties: {
    in: { enum: ['body', 'query', 'path', 'headers'] },
    pointer: { ...text, description: 'JSON Pointer (RFC 6901)' },
    detail: text,
  },
}
const problem = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'instance', 'code', 'correlationId', 'retryable'],
  properties: {
    type: { ...text, format: 'uri' },
    title: text,
    status: { type: 'integer' },
    detail: text,
    instance: text,
    code: { enum: [...errorCodes] },
    correlationId: text,
    retryable: { type: 'boolean' },
    errors: { type: 'array', items: fault },
  },
}
/** Any answer that is an error, as OpenAPI describes it. */
export const problemResponse = {
  description: 'A problem (RFC 9457)',
  content: { [problemMediaType]: { schema: problem } },
}
