import type { ErrorCode, Role } from '#domain'
import type { z } from 'zod'

/** What a route of the API takes, gives and asks of its caller: the services serve it, the OpenAPI document tells it. */
export interface Operation {
  operationId: string
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the base path, with `:id` for a parameter. */
  path: string
  /** The role the caller must have. */
  policy: Role
  /** An operator need not name a tenant. */
  anyTenant?: true
  tag: Tag
  summary: string
  description?: string
  /** What checks the request. */
  schema: {
    params?: z.ZodObject
    querystring?: z.ZodObject
    headers?: z.ZodObject
    body?: z.ZodType
  }
  answer: {
    status: 200 | 201 | 202
    description: string
    body: z.ZodType
    /** An event stream; JSON unless given. */
    isStream?: true
    /** Of an answer that is not JSON. */
    mediaType?: string
    /** Names of its headers, beside those that every answer has. */
    headers?: readonly string[]
    example?: unknown
    /** 304 is given for the ETag in If-None-Match. */
    isConditional?: true
    /** Another answer of the same headers. */
    also?: Pick<Operation['answer'], 'status' | 'description' | 'body' | 'example'>
  }
  exampleBody?: unknown
  /** Other media types of JSON that the body may come as. */
  bodyTypes?: readonly string[]
  /** Every code it may fail with, beside those that every operation may. */
  errors: readonly ErrorCode[]
}

export const tags = {
  Stores: 'Request stores, follow and change them',
  History: 'What happened to a store, from the event log itself',
  Audit: 'Who did what, for the tenant and for its auditors',
  Keys: 'API keys: who may use the API, and how far',
  Operations: 'Do one thing with many stores',
  Tenants: 'What each tenant may, and what it uses',
} as const
type Tag = keyof typeof tags

/** Where the contract is served. */
export const basePath = '/api/v1'
/** The same routes at the address they first had. */
const aliasPath = '/api'

/** Any operation whose caller is asked for. */
export const errorsOfAll: readonly ErrorCode[] = [
  'REQUEST_INVALID',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'RATE_LIMITED',
  'INTERNAL',
  'OVERLOADED',
  'ISSUER_UNAVAILABLE',
  'KEYS_UNAVAILABLE',
]
export const ofLog = [
  'EVENT_STORE_UNAVAILABLE',
  'EVENT_STORE_ACCESS_DENIED',
  'EVENT_UNREADABLE',
  'STREAM_DELETED',
] as const
export const ofAppends = [
  ...ofLog,
  'EVENT_STORE_REJECTED',
  'CONCURRENT_MODIFICATION',
  'BODY_TOO_LARGE',
  'MEDIA_TYPE_UNSUPPORTED',
  'IDEMPOTENCY_KEY_REUSED',
] as const
/** Of a command that takes no Idempotency-Key. */
export const ofUnkeyed = ofAppends.filter((code) => code !== 'IDEMPOTENCY_KEY_REUSED')
export const ofReadModels = ['DATABASE_UNAVAILABLE', 'READ_MODEL_BEHIND'] as const
/** Of a read of one store. */
export const ofOneStore = [...ofLog, ...ofReadModels, 'ROUTE_NOT_FOUND', 'STORE_NOT_FOUND'] as const
export const ofChanges = [
  ...ofAppends,
  'ROUTE_NOT_FOUND',
  'STORE_NOT_FOUND',
  'STORE_DELETED',
  'STORE_IN_WRONG_STATE',
  'PRECONDITION_FAILED',
  'TENANT_SUSPENDED',
] as const

/** An operation as a fastify route declares it, at each of its addresses: the contract's first. */
export function routeOf<O extends Operation>({ schema, policy, path, anyTenant }: O) {
  const typed: O['schema'] = schema
  const config: { policy: O['policy']; anyTenant: boolean } = {
    policy,
    anyTenant: anyTenant === true,
  }
  const addresses = [basePath, aliasPath].map((base) => ({ base, url: base + path }))
  return { addresses, schema: typed, config }
}
