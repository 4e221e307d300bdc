import type { ListStoresQuery, StoreView } from '#contracts'
import type { ReadModels, Statement } from './connection.ts'
import { type Place, readCursor, writeCursor } from './cursor.ts'

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
  const nextCursor = hasMore && last !== undefined ? writeCursor(last, { tenantId, query }) : null
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
  const { values, conditions, name, put } = filters(tenantId, query)
  const total = totalOf(query, conditions)
  const [order, beyond] = query.sort === 'createdAt' ? ['asc', '>'] : ['desc', '<']
  const page = [...conditions]
  if (after !== undefined)
    page.push(`(created_at, id) ${beyond} (${put(after.createdAt)}::timestamptz, ${put(after.id)})`)
  const limit = put(query.limit + 1)
  const offset = after === undefined ? ` offset ${put(query.offset ?? 0)}` : ''
  const text = `select view, (${total}) as total from stores
    where ${page.join(' and ')}
    order by created_at ${order}, id ${order} limit ${limit}${offset}`
  return { name: `${name}:${order}:${after === undefined ? 'offset' : 'cursor'}`, text, values }
}

/** The exact number of stores in the whole list. */
function totalStatement(tenantId: string, query: ListStoresQuery): Statement {
  const { values, conditions, name } = filters(tenantId, query)
  return { name: `total:${name}`, text: `select (${totalOf(query, conditions)}) as total`, values }
}

// The projector keeps the counters; only a search by name has to count.
function totalOf({ q }: ListStoresQuery, conditions: string[]): string {
  const where = conditions.join(' and ')
  if (q !== undefined) return `select count(*) from stores where ${where}`
  return `select coalesce(sum(count), 0)::bigint from store_counts where ${where}`
}

function filters(tenantId: string, { status, engine, q }: ListStoresQuery) {
  const values: unknown[] = []
  const put = (value: unknown) => `$${values.push(value)}`
  const conditions = [`tenant_id = ${put(tenantId)}`]
  const name = ['list']
  conditions.push(status === undefined ? `status <> 'deleted'` : `status = ${put(status)}`)
  if (status !== undefined) name.push('status')
  if (engine !== undefined) {
    conditions.push(`engine = ${put(engine)}`)
    name.push('engine')
  }
  if (q !== undefined) {
    conditions.push(`strpos(lower(name), lower(${put(q)})) > 0`)
    name.push('q')
  }
  return { values, conditions, name: name.join(':'), put }
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

/** The tenant's stores that changed after a position, in the order of their newest change. */
export async function changedStores(
  { query }: ReadModels,
  { tenantId, after, limit }: { tenantId: string; after: bigint; limit: number },
): Promise<ChangedStore[]> {
  return query<ChangedStore>({
    name: 'changed-stores',
    text: `select position, view from stores
           where tenant_id = $1 and position > $2 order by position limit $3`,
    values: [tenantId, after, limit],
  })
}
