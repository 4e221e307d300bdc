import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { ListStoresQuery } from '#contracts'
import { AppError } from '#domain'

/** Where a page ended: the keys of its last row. */
export interface Place {
  createdAt: string
  id: string
}

// PostgreSQL has no year 0.
const time = z.iso.datetime().refine((text) => !text.startsWith('0000'))
const content = z.tuple([time, z.uuid(), z.string()])

/** The list a cursor belongs to: of one tenant, with its filters and order. */
export interface TenantList {
  tenantId: string
  query: ListStoresQuery
}

/** An opaque text for the place; only a list of the same tenant with the same filters and order takes it. */
export function writeCursor({ createdAt, id }: Place, list: TenantList): string {
  return Buffer.from(JSON.stringify([createdAt, id, digestOf(list)])).toString('base64url')
}

/** The place a cursor names. Throws REQUEST_INVALID for one that was altered or belongs to another list. */
export function readCursor(cursor: string, list: TenantList): Place {
  const parsed = content.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()))
  if (!parsed.success) throw notIssued()
  const [createdAt, id, digest] = parsed.data
  if (digest !== digestOf(list))
    throw new AppError('REQUEST_INVALID', 'cursor belongs to a list with other filters or order')
  // Decoding ignores characters that are not base64url.
  if (writeCursor({ createdAt, id }, list) !== cursor) throw notIssued()
  return { createdAt, id }
}

const notIssued = () => new AppError('REQUEST_INVALID', 'cursor was not issued by this API')

function digestOf({ tenantId, query: { status, engine, q, sort } }: TenantList): string {
  const list = JSON.stringify([tenantId, status ?? null, engine ?? null, q ?? null, sort])
  return createHash('sha256').update(list).digest('base64url').slice(0, 12)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
