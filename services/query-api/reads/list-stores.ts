import type { ListStoresQuery, StoreView } from '#contracts'
import { readCursor, writeCursor } from './cursor.ts'
import { pageStatement, totalStatement } from './page-statement.ts'
import type { ReadModels } from './read-models.ts'
import { viewOfRow, type StoreRow } from './store-row.ts'

export interface StorePage {
  stores: StoreView[]
  pagination: {
    total: number
    limit: number
    offset: number | null
    hasMore: boolean
    nextCursor: string | null
  }
}

interface PageRow extends StoreRow {
  total: bigint
}

/** One page of the tenant's stores, with the exact total of the list. */
export async function listStores(
  models: ReadModels,
  { tenantId, query }: { tenantId: string; query: ListStoresQuery },
): Promise<StorePage> {
  const { limit, cursor } = query
  const after = cursor === undefined ? undefined : readCursor(cursor, query)
  const rows = await models.query<PageRow>(pageStatement({ tenantId, query, after }))
  const total = rows[0]?.total ?? (await countStores(models, tenantId, query))
  const hasMore = rows.length > limit
  const stores = rows.slice(0, limit).map(viewOfRow)
  const last = stores.at(-1)
  const nextCursor = hasMore && last !== undefined ? writeCursor(last, query) : null
  const offset = after === undefined ? (query.offset ?? 0) : null
  return { stores, pagination: { total: Number(total), limit, offset, hasMore, nextCursor } }
}

async function countStores(
  models: ReadModels,
  tenantId: string,
  query: ListStoresQuery,
): Promise<bigint> {
  const [row] = await models.query<{ total: bigint }>(totalStatement(tenantId, query))
  return row?.total ?? 0n
}
