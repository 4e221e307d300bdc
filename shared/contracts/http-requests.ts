import { engines, plans, roles, storeStatuses } from '#domain'
import { z } from 'zod'

/** The display name of a store: data only, and nothing that a shell, a template or YAML could interpret. */
export const storeName = z
  .string()
  .normalize('NFC')
  .trim()
  .max(50, 'must have at most 50 characters')
  .regex(
    /^[\p{L}\p{M}\p{N} .,'&()_-]*$/u,
    "may contain only letters, digits, spaces and . , ' & ( ) - _",
  )
  .regex(/[\p{L}\p{N}]/u, 'must contain a letter or a digit')
  .describe("1–50 letters, digits, spaces and . , ' & ( ) - _")

/** The body of POST /api/stores. */
export const requestStoreBody = z.strictObject({
  name: storeName,
  engine: z.enum(engines),
  plan: z.enum(plans).default('small'),
})
export type RequestStoreBody = z.output<typeof requestStoreBody>

/** The body of POST /api/stores/:id/upgrade: without a plan the store keeps its own and moves to the current chart and images. */
export const upgradeStoreBody = z.strictObject({ plan: z.enum(plans).optional() })
export type UpgradeStoreBody = z.output<typeof upgradeStoreBody>

const keyCharacters =
  /^(?:"[\x20-\x21\x23-\x7e]{1,255}"|[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?)$/

/** `Idempotency-Key`: 1–255 printable ASCII characters; a quoted key is the same key. */
const idempotencyKey = z
  .string()
  .regex(keyCharacters, 'must be 1–255 printable ASCII characters')
  .transform((key) => (/^".*"$/.test(key) && key.length > 2 ? key.slice(1, -1) : key))

const etag = /^"(\d{1,18})"$/

/** `If-Match` with a store's ETag, which is the revision of its stream. */
const ifMatch = z
  .string()
  .regex(etag, 'must be one ETag of a store, such as "3"')
  .transform((tag) => BigInt(tag.slice(1, -1)))

/** Whose stores an operator means. */
const tenant = z
  .string()
  .regex(/^[A-Za-z0-9][\w.-]{0,63}$/, 'takes 1–64 letters, digits, ".", "_" or "-"')
  .describe('An operator names the tenant; anybody else has one')
  .optional()

const reason = z
  .string()
  .regex(/^[\x20-\x7e]{1,200}$/, 'takes 1–200 printable ASCII characters')
  .describe('Why; kept in the events')
  .optional()

// Loose: a request has other headers too.
const writeHeaders = z.looseObject({ 'x-tenant': tenant, 'x-reason': reason })
export const createHeaders = writeHeaders.extend({ 'idempotency-key': idempotencyKey.optional() })
export const commandHeaders = createHeaders.extend({ 'if-match': ifMatch.optional() })

/** Ids are taken in any case and kept in lower case (RFC 9562 §4). */
export const storeParams = z.object({ id: z.uuid().toLowerCase() })

/** A position token, from `X-Position` of an earlier response. */
export const positionHeaders = z.looseObject({
  'x-position': z
    .string()
    .regex(/^\d{1,19}$/, 'must be the X-Position of an earlier response')
    .transform(BigInt)
    .optional(),
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

const readQuery = z.strictObject({ tenant })
const pageLimit = integer(1, 100, 50).default(50)

/** GET /api/stores: no other parameters. */
export const listStoresQuery = readQuery
  .extend({
    limit: pageLimit,
    offset: integer(0, 10_000)
      .optional()
      .describe('For the first pages; use cursor for the others'),
    cursor: z.string().max(500).optional().describe('nextCursor of the previous page'),
    status: z.enum(storeStatuses).optional(),
    engine: z.enum(engines).optional(),
    q: z
      .string()
      .normalize('NFC')
      .trim()
      .min(1)
      .max(50)
      .regex(/^\P{Cc}*$/u, 'must not contain control characters')
      .optional()
      .describe('Part of the name, in upper or lower case and any Unicode form'),
    sort: z.enum(['-createdAt', 'createdAt']).default('-createdAt'),
  })
  .refine(({ offset, cursor }) => offset === undefined || cursor === undefined, {
    path: ['cursor'],
    error: 'cannot be combined with offset',
  })
export type ListStoresQuery = z.output<typeof listStoresQuery>

export const getStoreQuery = readQuery.extend({
  at: z.iso
    .datetime({
      offset: true,
      error:
        'must be an ISO 8601 time with a zone, such as 2026-01-01T00:00:00Z; write the + of a zone as %2B',
    })
    .optional()
    .describe('The store as it was at this time'),
})

export const listEventsQuery = readQuery.extend({
  limit: pageLimit,
  from: integer(0, 999_999_999, 0).default(0).describe('Revision of the first event'),
})

/** `Last-Event-ID` of the stream of changes: the client has seen everything up to it. */
export const streamHeaders = z.looseObject({
  'last-event-id': z
    .string()
    .regex(/^\d{1,19}$/, 'takes the id of an event of this stream')
    .transform(BigInt)
    .refine((id) => id < 2n ** 63n, 'takes the id of an event of this stream')
    .optional(),
})
export const streamQuery = z.looseObject({ tenant })

const keyName = z
  .string()
  .normalize('NFC')
  .trim()
  .min(1)
  .max(100)
  .regex(/^\P{Cc}*$/u, 'must not contain control characters')

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
export const keyHeaders = writeHeaders
export const keyParams = z.object({ id: z.string().regex(/^[0-9a-f]{16}$/, 'is no id of a key') })
export const listKeysQuery = readQuery
