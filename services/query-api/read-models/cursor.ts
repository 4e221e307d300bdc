import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { ListStoresQuery } from '#contracts'
import { AppError } from '#domain'

/** Where a page ended: the keys of its last row. */
export interface Place {
  createdAt: string
  id: string
}

const content = z.tuple([z.iso.datetime(), z.uuid(), z.string()])

/** An opaque text for the place; only the list with the same filters and order takes it. */
export function writeCursor({ createdAt, id }: Place, query: ListStoresQuery): string {
  return Buffer.from(JSON.stringify([createdAt, id, listOf(query)])).toString('base64url')
}

/** The place a cursor names. Throws REQUEST_INVALID for one that was altered or is of another list. */
export function readCursor(cursor: string, query: ListStoresQuery): Place {
  const parsed = content.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()))
  if (!parsed.success) throw new AppError('REQUEST_INVALID', 'cursor was not issued by this API')
  const [createdAt, id, list] = parsed.data
  if (list !== listOf(query))
    throw new AppError('REQUEST_INVALID', 'cursor belongs to a list with other filters or order')
  return { createdAt, id }
}

function listOf({ status, engine, q, sort }: ListStoresQuery): string {
  const list = JSON.stringify([status ?? null, engine ?? null, q ?? null, sort])
  return createHash('sha256').update(list).digest('base64url').slice(0, 12)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
