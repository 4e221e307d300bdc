import type { ListStoresQuery, StoreView } from '#contracts'
import { anyTenant } from '#domain'
import { prepared, type Statement, storeConditions } from '#postgres'
import type { ReadModels } from './connection.ts'
import { orderOf, type Place, readCursor, writeCursor } from './cursor.ts'

interface StorePage {
  stores: StoreView[]
  pagination: {
    total: number
    limit: number
    offset: number | null
    hasMore: boolean
    nextCursor: string | null
  }
}

interface PageRow {
  view: StoreView
  total: bigint
}

/** One page of the tenant's stores, with the exact total of the list. */
export async function listStores(
  models: ReadModels,
  { tenantId, query }: { tenantId: string; query: ListStoresQuery },
): Promise<StorePage> {
  const { limit, cursor } = query
  const after = cursor === undefined ? undefined : readCursor(cursor, { tenantId, query })
  const rows = await models.query<PageRow>(pageStatement({ tenantId, query, after }))
  const total = rows[0]?.total ?? (await countStores(models, tenantId, query))
  const hasMore = rows.length > limit
  const stores = rows.slice(0, limit).map(({ view }) => view)
  const last = stores.at(-1)
  const nextCursor =
    hasMore && last !== undefined
      ? writeCursor({ at: last[orderOf(query.sort).by], id: last.id }, { tenantId, query })
      : null
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

interface PageOptions {
  tenantId: string
  query: ListStoresQuery
  /** The page begins after it. */
  after: Place | undefined
}

/** One page and one row more, with the exact total in each row. Each combination of filters is one prepared statement. */
function pageStatement({ tenantId, query, after }: PageOptions): Statement {
  const { values, conditions, put } = filters(tenantId, query)
  const total = totalOf(query, conditions)
  const { column, placed, descending } = orderOf(query.sort)
  const [order, beyond] = descending ? ['desc', '<'] : ['asc', '>']
  const page = [...conditions]
  if (after !== undefined)
    page.push(`(${column}, id) ${beyond} (${placed(put(after.at))}, ${put(after.id)})`)
  const limit = put(query.limit + 1)
  const offset = after === undefined ? ` offset ${put(query.offset ?? 0)}` : ''
  const found = `select * from stores where ${page.join(' and ')}`
  const text = `select view, (${total}) as total from (${found}${isRare(query) ? ' offset 0' : ''}) as found
    order by ${column} ${order}, id ${order} limit ${limit}${offset}`
  return prepared(text, values)
}

// Few stores have the same reference or label: with `offset 0` they are found first and then sorted, where PostgreSQL
// would rather walk through all stores in their order until it has met enough of them.
const isRare = ({ reference, label }: ListStoresQuery): boolean =>
  reference !== undefined || label !== undefined

/** The exact number of stores in the whole list. */
function totalStatement(tenantId: string, query: ListStoresQuery): Statement {
  const { values, conditions } = filters(tenantId, query)
  return prepared(`select (${totalOf(query, conditions)}) as total`, values)
}

// The projector keeps counters of status and engine; with any other filter the stores have to be counted.
function totalOf(query: ListStoresQuery, conditions: string[]): string {
  const where = conditions.join(' and ')
  if (Object.keys(filtersOf(query)).some((name) => name !== 'status' && name !== 'engine'))
    return `select count(*) from stores where ${where}`
  return `select coalesce(sum(count), 0)::bigint from store_counts where ${where}`
}

/** The filters that a list has. */
function filtersOf(query: ListStoresQuery): Record<string, unknown> {
  const {
    limit: _,
    offset: _offset,
    cursor: _cursor,
    tenant: _tenant,
    sort: _sort,
    ...rest
  } = query
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
}

function filters(tenantId: string, query: ListStoresQuery) {
  return storeConditions(tenantId, filtersOf(query))
}

/** How many stores the tenant has of each status that it has any of, from the counters. */
export async function countByStatus(
  { query }: ReadModels,
  tenantId: string,
): Promise<Map<string, number>> {
  const rows = await query<{ status: string; count: bigint }>({
    name: 'count-by-status',
    text: `select status, sum(count)::bigint as count from store_counts
           where tenant_id = $1 group by status`,
    values: [tenantId],
  })
  return new Map(rows.map(({ status, count }) => [status, Number(count)]))
}

/** The tenant's store of that id, also a deleted one; undefined when the read models have none. */
export async function readStore(
  { query }: ReadModels,
  { tenantId, storeId }: { tenantId: string; storeId: string },
): Promise<StoreView | undefined> {
  const [row] = await query<{ view: StoreView }>({
    name: 'read-store',
    text: 'select view from stores where id = $1 and tenant_id = $2',
    values: [storeId, tenantId],
  })
  return row?.view
}

export interface ChangedStore {
  position: bigint
  view: StoreView
}

interface Changes {
  /** `*`: of all. */
  tenantId: string
  /** Of this store alone. */
  storeId?: string | undefined
  after: bigint
  limit: number
}

/** The tenant's stores that changed after a position, in the order of their newest change. */
export async function changedStores(
  { query }: ReadModels,
  { tenantId, storeId, after, limit }: Changes,
): Promise<ChangedStore[]> {
  const values: unknown[] = [after, limit]
  const conditions = ['position > $1']
  if (tenantId !== anyTenant) conditions.push(`tenant_id = $${values.push(tenantId)}`)
  if (storeId !== undefined) conditions.push(`id = $${values.push(storeId)}`)
  const text = `select position, view from stores
    where ${conditions.join(' and ')} order by position limit $2`
  return query<ChangedStore>(prepared(text, values))
}
