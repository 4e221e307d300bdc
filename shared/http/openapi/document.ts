import { z } from 'zod'
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi'
import { basePath, errorsOfAll, type Operation, operations, streamEvent, tags } from '#contracts'
import type { ErrorCode } from '#domain'
import {
  answerHeaders,
  commonAnswerHeaders,
  commonRequestHeaders,
  headersOfProblem,
  nameOfHeader,
} from './headers.ts'
import { problemMediaType, problemOf, problemSchema } from '../problems/problem.ts'
import { answers } from '../problems/status-of-code.ts'

/** Also by its size or its slowness a request may be refused; the code is REQUEST_INVALID then too. */
const statusesOfInvalid = [400, 408, 417, 431]

/** The whole API as OpenAPI 3.1, made from the schemas that check the requests; `server` is the path it is served below. */
export function openApiDocument(server = '/'): object {
  return createDocument(
    {
      openapi: '3.1.1',
      info: {
        title: 'Storewright',
        version: '1.0.0',
        description:
          'Provisions WooCommerce and Medusa stores, each exactly once. Commands are answered when they are stored; ' +
          'the work is done afterwards. Errors are problem documents (RFC 9457) with a stable `code`.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: server, description: 'Where this document is served' }],
      tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
      paths: pathsOf(Object.values(operations)),
      components: {
        schemas: { Problem: problemSchema, StreamEvent: streamEvent },
        securitySchemes,
        parameters: commonRequestHeaders,
        headers: answerHeaders,
      },
    },
    {
      override: ({ jsonSchema, io }) => {
        // An answer may get more fields.
        if (io === 'output' && jsonSchema.additionalProperties === false)
          delete jsonSchema.additionalProperties
        if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
        if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
        // A format says it already.
        if (jsonSchema.format !== undefined) delete jsonSchema.pattern
      },
    },
  )
}

const securitySchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'An access token of an issuer, where the installation takes them (AUTH)',
  },
  local: {
    type: 'apiKey',
    in: 'header',
    name: 'X-User-Id',
    description: 'AUTH=off, on loopback only: the tenant, `demo` unless given',
  },
} as const

const methodNames = {
  GET: 'get',
  POST: 'post',
  PUT: 'put',
  PATCH: 'patch',
  DELETE: 'delete',
} as const

function pathsOf(all: Operation[]): ZodOpenApiPathsObject {
  const paths: ZodOpenApiPathsObject = {}
  for (const operation of all) {
    const path = basePath + operation.path.replaceAll(/:(\w+)/g, '{$1}')
    const method = methodNames[operation.method]
    paths[path] = { ...paths[path], [method]: described(operation) }
  }
  return paths
}

function described(operation: Operation): ZodOpenApiOperationObject {
  const { operationId, policy, tag, summary, description, exampleBody } = operation
  const { bodyTypes = [] } = operation
  const { params, querystring, headers: header, body } = operation.schema
  return {
    operationId,
    tags: [tag],
    summary,
    description: [description, `Needs the role \`${policy}\`.`].filter(Boolean).join('\n\n'),
    // A role of the caller; each includes those before it.
    security: [{ bearer: [policy] }, { local: [] }],
    parameters: Object.keys(commonRequestHeaders).map((name) => ({
      $ref: `#/components/parameters/${name}`,
    })),
    requestParams: {
      ...(params !== undefined && { path: params }),
      ...(querystring !== undefined && { query: querystring }),
      ...(header !== undefined && { header: renamed(header) }),
    },
    ...(body !== undefined && {
      requestBody: {
        required: true,
        content: Object.fromEntries(
          ['application/json', ...bodyTypes].map((type) => [
            type,
            { schema: body, example: exampleBody },
          ]),
        ),
      },
    }),
    responses: { ...answerOf(operation), ...problemsOf(operation) },
  }
}

/** Header names as people write them. */
function renamed(header: z.ZodObject): z.ZodObject {
  const entries = Object.entries(header.shape).map(([name, schema]) => [nameOfHeader(name), schema])
  return z.object(Object.fromEntries(entries))
}

const referTo = (names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))

/** What can be done next with what was made: the operations on its id. */
function linksOf({ method, path }: Operation) {
  const id = {
    '/stores': '$response.body#/store/id',
    '/keys': '$response.body#/key/id',
    '/operations': '$response.body#/operation/id',
  }[path]
  if (method !== 'POST' || id === undefined) return {}
  const next = Object.values(operations).filter((one) => one.path.startsWith(`${path}/:id`))
  return {
    links: Object.fromEntries(
      next.map(({ operationId }) => [operationId, { operationId, parameters: { id } }]),
    ),
  }
}

function answerOf(operation: Operation): ZodOpenApiResponsesObject {
  const { answer } = operation
  const { status, description, body, example, isStream, isConditional, mediaType, also } = answer
  const names = [...commonAnswerHeaders, ...(answer.headers ?? [])]
  const content =
    isStream === true
      ? // Each event of the text; OpenAPI 3.1 has no words of its own for a stream.
        {
          'text/event-stream': {
            schema: z.string().meta({
              override: {
                contentMediaType: 'text/event-stream',
                contentSchema: { $ref: '#/components/schemas/StreamEvent' },
              },
            }),
            example,
          },
        }
      : { [mediaType ?? 'application/json']: { schema: body, example } }
  const notModified = { description: 'As in If-None-Match', headers: referTo(names) }
  return {
    [`${status}`]: { description, headers: referTo(names), content, ...linksOf(operation) },
    ...(also && {
      [`${also.status}`]: {
        description: also.description,
        headers: referTo(names),
        content: { 'application/json': { schema: also.body, example: also.example } },
      },
    }),
    ...(isConditional === true && { 304: notModified }),
  }
}

/** What each code is answered with, by status. */
function problemsOf({ errors, path, method }: Operation): ZodOpenApiResponsesObject {
  const codes = [...new Set([...errorsOfAll, ...errors])]
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of codes)
    for (const status of code === 'REQUEST_INVALID' ? statusesOfInvalid : [answers[code].status])
      byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  const sorted = [...byStatus].toSorted(([one], [other]) => one - other)
  const responses: ZodOpenApiResponsesObject = {}
  for (const [status, some] of sorted) {
    const key: `${4 | 5}${string}` = `${status < 500 ? 4 : 5}${String(status).slice(1)}`
    responses[key] = problemAnswer({ status, codes: some, path, method })
  }
  return responses
}

interface Failing extends Pick<Operation, 'path' | 'method'> {
  status: number
  codes: ErrorCode[]
}

function problemAnswer({ status, codes, path, method }: Failing) {
  const schema = {
    allOf: [
      { $ref: '#/components/schemas/Problem' },
      {
        type: 'object' as const,
        required: ['status', 'code'],
        properties: { status: { const: status }, code: { enum: codes } },
      },
    ],
  }
  const instance = basePath + path.replace(':id', exampleId)
  const examples = codes.map((code) => [
    code,
    { value: problemOf({ code, status, instance, correlationId: 'trace-123' }) },
  ])
  return {
    description: codes.map((code) => `\`${code}\`: ${answers[code].title}`).join('. '),
    headers: referTo([...commonAnswerHeaders, ...headersOfProblem(status, method === 'GET')]),
    content: { [problemMediaType]: { schema, examples: Object.fromEntries(examples) } },
  }
}

const exampleId = '4f6c1a52-7a5e-5d0b-9a3e-2b1f0c9d8e7f'
