import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { ListStoresQuery } from '#contracts'
import { AppError } from '#domain'

/** What a list is sorted by; stores of the same are sorted by their ids. */
const sorts = {
  createdAt: { column: 'created_at', placed: (at: string) => `${at}::timestamptz` },
  updatedAt: { column: 'updated_at', placed: (at: string) => `${at}::timestamptz` },
  name: { column: 'lower(name)', placed: (at: string) => `lower(${at})` },
} as const

/** The order of a list: of what, which column has it, how a text is made one, and whether the greatest is first. */
export function orderOf(sort: ListStoresQuery['sort']) {
  const by =
    sort === 'name' || sort === '-name'
      ? 'name'
      : sort.endsWith('updatedAt')
        ? 'updatedAt'
        : 'createdAt'
  return { by, ...sorts[by], descending: sort.startsWith('-') } as const
}

/** Where a page ended: what its last row is sorted by, and its id. */
export interface Place {
  at: string
  id: string
}

// PostgreSQL has no year 0.
const time = z.iso.datetime().refine((text) => !text.startsWith('0000'))
const contentOf = (sort: ListStoresQuery['sort']) =>
  z.tuple([orderOf(sort).by === 'name' ? z.string() : time, z.uuid(), z.string()])

/** The list a cursor belongs to: of one tenant, with its filters and order. */
export interface TenantList {
  tenantId: string
  query: ListStoresQuery
}

/** An opaque text for the place; only a list of the same tenant with the same filters and order takes it. */
export function writeCursor({ at, id }: Place, list: TenantList): string {
  return Buffer.from(JSON.stringify([at, id, digestOf(list)])).toString('base64url')
}

/** The place a cursor names. Throws REQUEST_INVALID for one that was altered or belongs to another list. */
export function readCursor(cursor: string, list: TenantList): Place {
  const text = parseJson(Buffer.from(cursor, 'base64url').toString())
  const parsed = z.tuple([z.string(), z.string(), z.string()]).safeParse(text)
  if (!parsed.success) throw notIssued()
  if (parsed.data[2] !== digestOf(list))
    throw new AppError('REQUEST_INVALID', 'cursor belongs to a list with other filters or order')
  const content = contentOf(list.query.sort).safeParse(text)
  if (!content.success) throw notIssued()
  const [at, id] = content.data
  // Decoding ignores characters that are not base64url.
  if (writeCursor({ at, id }, list) !== cursor) throw notIssued()
  return { at, id }
}

const notIssued = () => new AppError('REQUEST_INVALID', 'cursor was not issued by this API')

/** Of everything but the page itself, whatever the order of the parameters and labels. */
function digestOf({ tenantId, query }: TenantList): string {
  const { limit: _, offset: _offset, cursor: _cursor, tenant: _tenant, label = {}, ...rest } = query
  const filters = Object.entries(rest).filter(([, value]) => value !== undefined)
  const list = [tenantId, sorted(filters), sorted(Object.entries(label))]
  return createHash('sha256').update(JSON.stringify(list)).digest('base64url').slice(0, 12)
}

const sorted = (entries: [string, unknown][]) =>
  entries.toSorted(([one], [other]) => (one < other ? -1 : 1))

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
