import { engines, plans, storeStatuses } from '#domain'
import { z } from 'zod'

/** The display name of a store: data only, and still nothing that any program could take for more than text. */
export const storeName = z
  .string()
  .normalize('NFC')
  .trim()
  .max(50, 'has more than 50 characters')
  .regex(/^[\p{L}\p{M}\p{N} .,'&()_-]*$/u, "takes letters, digits, spaces and . , ' & ( ) - _")
  .regex(/[\p{L}\p{N}]/u, 'has no letter or digit')
  .describe("1–50 letters, digits, spaces and . , ' & ( ) - _")

/** What POST /api/stores takes. */
export const requestStoreBody = z.strictObject({
  name: storeName,
  engine: z.enum(engines),
  plan: z.enum(plans).default('small'),
})
export type RequestStoreBody = z.output<typeof requestStoreBody>

/** What POST /api/stores/:id/upgrade takes: without a plan the store keeps its own and moves to the chart and images of today. */
export const upgradeStoreBody = z.strictObject({ plan: z.enum(plans).optional() })
export type UpgradeStoreBody = z.output<typeof upgradeStoreBody>

const keyCharacters =
  /^(?:"[\x20-\x21\x23-\x7e]{1,255}"|[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?)$/

/** `Idempotency-Key`: 1–255 printable ASCII characters; a quoted key is the same key. */
const idempotencyKey = z
  .string()
  .regex(keyCharacters, 'takes 1–255 printable ASCII characters')
  .transform((key) => (/^".*"$/.test(key) && key.length > 2 ? key.slice(1, -1) : key))

const etag = /^"(\d{1,18})"$/

/** `If-Match` with a store's ETag: its stream's revision. */
const ifMatch = z
  .string()
  .regex(etag, 'takes one ETag of a store, such as "3"')
  .transform((tag) => BigInt(tag.slice(1, -1)))

// Loose: the other headers stay readable.
export const createHeaders = z.looseObject({ 'idempotency-key': idempotencyKey.optional() })
export const commandHeaders = createHeaders.extend({ 'if-match': ifMatch.optional() })

/** Ids are taken in any case and kept in lower case (RFC 9562 §4). */
export const storeParams = z.object({ id: z.uuid().toLowerCase() })

/** A position token, as `X-Position` of a 202 gave it. */
export const positionHeaders = z.looseObject({
  'x-position': z
    .string()
    .regex(/^\d{1,19}$/, 'takes what X-Position of an answer said')
    .transform(BigInt)
    .optional(),
})

const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'is not a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max))

const pageLimit = integer(1, 100).default(50)

/** GET /api/stores: exactly these parameters. */
export const listStoresQuery = z
  .strictObject({
    limit: pageLimit,
    offset: integer(0, 10_000).optional().describe('For the first pages; use cursor beyond them'),
    cursor: z.string().max(500).optional().describe('nextCursor of the page before'),
    status: z.enum(storeStatuses).optional(),
    engine: z.enum(engines).optional(),
    q: z
      .string()
      .normalize('NFC')
      .trim()
      .min(1)
      .max(50)
      .regex(/^\P{Cc}*$/u, 'takes no control characters')
      .optional()
      .describe('Part of the name, in any case'),
    sort: z.enum(['-createdAt', 'createdAt']).default('-createdAt'),
  })
  .refine(({ offset, cursor }) => offset === undefined || cursor === undefined, {
    path: ['cursor'],
    error: 'does not go together with offset',
  })
export type ListStoresQuery = z.output<typeof listStoresQuery>

export const getStoreQuery = z.strictObject({
  at: z.iso
    .datetime({
      offset: true,
      error:
        'takes an ISO 8601 time with a zone, such as 2026-01-01T00:00:00Z; write the + of a zone as %2B',
    })
    .optional()
    .describe('The store as it was at this time'),
})

export const listEventsQuery = z.strictObject({
  limit: pageLimit,
  from: integer(0, 999_999_999).default(0).describe('Revision of the first event'),
})
