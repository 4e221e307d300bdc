import { engines, plans, roles, storeStatuses } from '#domain'
import { z } from 'zod'
import { labelKey, labelValue, storeReference, withoutControls } from './store-bodies.ts'

// RFC 9651: a String between quotes; bare, one token, which also keys with : and / are.
const quotedKey = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"$/
const bareKey = /^[\w!#$%&'*+\-.^`|~:/]{1,255}$/

/** `Idempotency-Key`: a structured-field String or a bare token of 1–255 characters; a quoted key is the same key. */
const idempotencyKey = z
  .string()
  .regex(
    new RegExp(`${quotedKey.source}|${bareKey.source}`),
    "must be one key of 1–255 printable ASCII characters: between double quotes if it has others than letters, digits and ! # $ % & ' * + - . ^ _ ` | ~ : /",
  )
  .meta({ examples: ['order-4711'] })
  .transform((key) => quotedKey.exec(key)?.[1]?.replaceAll(/\\(.)/g, '$1') ?? key)

const entityTag = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g

const more = String.raw`[ \t]*(?:,[ \t]*(?:${entityTag.source}[ \t]*)?)*`
const tagList = String.raw`^(?:[ \t]*,)*[ \t]*${entityTag.source}${more}$`

/** RFC 9110 §13.1: `*`, or entity tags separated by commas. */
const entityTags = z
  .string()
  .regex(
    new RegExp(String.raw`^[ \t]*\*[ \t]*$|${tagList}`),
    'must be * or ETags between double quotes, separated by commas, such as "3"',
  )
  .meta({ examples: ['"3"', '*'] })
  .transform((text) => text.match(entityTag) ?? ['*'])

/** Conditions on the state of a store, by its ETag; each header may have several tags. */
export const preconditionHeaders = z.looseObject({
  'if-match': entityTags.optional(),
  'if-none-match': entityTags.optional(),
})
export type Preconditions = z.output<typeof preconditionHeaders>

/** Whether If-Match allows a request to a store with this strong ETag; a weak tag never does. */
export const matches = ({ 'if-match': tags }: Preconditions, etag: string): boolean =>
  tags === undefined || tags.includes('*') || tags.includes(etag)

/** Whether If-None-Match names this ETag: a read is answered with 304, a command refused. */
export const isNamed = ({ 'if-none-match': tags = [] }: Preconditions, etag: string): boolean =>
  tags.includes('*') || tags.some((tag) => tag.replace(/^W\//, '') === etag)

export const tenantId = z
  .string()
  .regex(/^[A-Za-z0-9][\w.-]{0,63}$/, 'takes 1–64 letters, digits, ".", "_" or "-"')

/** Whose stores an operator means. */
const tenant = tenantId.describe('An operator names the tenant; anybody else has one').optional()

const reason = z
  .string()
  .regex(/^[\x20-\x7e]{1,200}$/, 'takes 1–200 printable ASCII characters')
  .describe('Why; kept in the events')
  .optional()

// Loose: a request has other headers too.
export const writeHeaders = z.looseObject({ 'x-tenant': tenant, 'x-reason': reason })
export const createHeaders = writeHeaders.extend({ 'idempotency-key': idempotencyKey.optional() })
export const commandHeaders = createHeaders.extend(preconditionHeaders.shape)

/** Ids are taken in any case and kept in lower case (RFC 9562 §4). */
export const storeParams = z.object({ id: z.uuid().toLowerCase() })

/** A position token, from `X-Position` of an earlier response. */
export const positionHeaders = z.looseObject({
  'x-position': z
    .string()
    .optional()
    .describe('A read waits until it shows what this position shows'),
})

/** A whole number in a query, which the contract tells as such. */
const integer = (minimum: number, maximum: number, fallback?: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(minimum).max(maximum))
    .meta({
      override: ({ jsonSchema }) => {
        delete jsonSchema.pattern
        const bounds = { type: 'integer', minimum, maximum } as const
        Object.assign(jsonSchema, bounds, fallback === undefined ? {} : { default: fallback })
      },
    })

export const readQuery = z.strictObject({ tenant })

const time = z.iso.datetime({
  offset: true,
  error:
    'must be an ISO 8601 time with a zone, such as 2026-01-01T00:00:00Z; write the + of a zone as %2B',
})
/** A minus in front: the greatest first. */
const storeOrders = ['-createdAt', 'createdAt', '-updatedAt', 'updatedAt', 'name', '-name'] as const

export const pageLimit = integer(1, 100, 50).default(50)

/** What stores can be told by, beside their status: in a list and in an operation. */
export const storeFilter = {
  engine: z.enum(engines).optional(),
  q: z
    .string()
    .normalize('NFC')
    .trim()
    .min(1)
    .max(50)
    .regex(withoutControls, 'must not contain control characters')
    .optional()
    .describe('Part of the name, in upper or lower case and any Unicode form'),
  plan: z.enum(plans).optional(),
  reference: storeReference.optional(),
  label: z.record(labelKey, labelValue).optional(),
  createdAfter: time.optional(),
  createdBefore: time.optional(),
  updatedAfter: time.optional(),
}

/** GET /api/stores: no other parameters. */
export const listStoresQuery = readQuery
  .extend({
    limit: pageLimit,
    offset: integer(0, 10_000)
      .optional()
      .describe('For the first pages; use cursor for the others'),
    cursor: z.string().max(500).optional().describe('nextCursor of the previous page'),
    status: z.enum(storeStatuses).optional(),
    ...storeFilter,
    label: storeFilter.label
      .describe('Stores that have all of these labels; also written label.<key>=<value>')
      .meta({ param: { style: 'deepObject', explode: true } }),
    sort: z.enum(storeOrders).default('-createdAt'),
  })
  .refine(({ offset, cursor }) => offset === undefined || cursor === undefined, {
    path: ['cursor'],
    error: 'cannot be combined with offset',
  })
export type ListStoresQuery = z.output<typeof listStoresQuery>

export const getStoreQuery = readQuery.extend({
  at: time.optional().describe('The store as it was at this time'),
})

export const listEventsQuery = readQuery.extend({
  limit: pageLimit,
  from: integer(0, 999_999_999, 0).default(0).describe('Revision of the first event'),
})

/** `Last-Event-ID` of the stream of changes: the client has seen everything up to it. */
export const streamHeaders = positionHeaders.extend({
  'last-event-id': z
    .string()
    .refine(
      (id) => /^[\w-]{22}$/.test(id) || isNumber(id),
      'takes the id of an event of this stream',
    )
    .optional(),
})
// Ids were numbers once; a client that still has one begins again.
function isNumber(id: string): boolean {
  return /^\d{1,19}$/.test(id) && BigInt(id) < 2n ** 63n
}
export const streamQuery = z.looseObject({
  tenant,
  store: z.uuid().optional().describe('Of this store alone'),
})

const keyName = z
  .string()
  .normalize('NFC')
  .trim()
  .min(1)
  .max(100)
  .regex(withoutControls, 'must not contain control characters')

/** The body of POST /keys. */
export const createKeyBody = z.strictObject({
  name: keyName.describe('How people know the key'),
  roles: z
    .array(z.enum(roles))
    .min(1)
    .max(4)
    .describe('The highest counts; it includes the others'),
  expiresAt: z.iso.datetime({ offset: true }).optional().describe('Not before now'),
})
export const keyParams = z.object({ id: z.string().regex(/^[0-9a-f]{16}$/, 'is no id of a key') })

const text = z
  .string()
  .min(1)
  .max(200)
  .regex(withoutControls, 'must not contain control characters')
const from = time.optional().describe('The first time of the range, included')
const to = time.optional().describe('The end of the range, not included; not later than now')

/** GET /audit. */
export const auditQuery = readQuery.extend({
  store: z.uuid().toLowerCase().optional().describe('Id of a store, also of a deleted one'),
  actor: text.optional().describe('`user:<id>` or `key:<id>`; `worker` for all workers'),
  type: text.optional().describe('Type of event, such as `StoreRequested`'),
  correlationId: text.optional().describe('`X-Correlation-ID` of a request'),
  from,
  to,
  limit: pageLimit,
  sort: z
    .enum(['-position', 'position'])
    .default('-position')
    .describe('The newest first, or the oldest'),
  cursor: z.string().max(50).optional().describe('nextCursor of the previous page'),
})
export type AuditQuery = z.output<typeof auditQuery>

export const exportQuery = readQuery
  .extend({
    from,
    to,
    after: integer(1, 999_999_999)
      .optional()
      .describe('Continues behind this line, the last whole one that has come'),
    digest: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'is the digest of a line')
      .optional()
      .describe('`digest` of the line that `after` names'),
  })
  .refine(({ after, digest }) => (after === undefined) === (digest === undefined), {
    path: ['digest'],
    error: 'after and digest belong together: both are of the last whole line',
  })

const revision = z.string().regex(/^\d{1,9}$/)
const point = z.union([revision.transform(Number), time], {
  error:
    'takes a revision such as 3, or an ISO 8601 time with a zone; write the + of a zone as %2B',
})
export const diffQuery = readQuery.extend({
  from: point.optional().describe('A revision or a time; the beginning unless given'),
  to: point.optional().describe('A revision or a time; now unless given'),
})
/** A revision, or a time. */
export type Point = z.output<typeof point>
