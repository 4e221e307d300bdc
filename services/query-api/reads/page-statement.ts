import type { ListStoresQuery } from '#contracts'
import type { Place } from './cursor.ts'
import type { Statement } from './read-models.ts'
import { storeColumns } from './store-row.ts'

interface PageOptions {
  tenantId: string
  query: ListStoresQuery
  /** The page begins behind it. */
  after: Place | undefined
}

/** One page and one row more, with the exact total in each row. Each combination of filters is one prepared statement. */
export function pageStatement({ tenantId, query, after }: PageOptions): Statement {
  const { values, conditions, name, put } = filters(tenantId, query)
  const total = totalOf(query, conditions)
  const [order, beyond] = query.sort === 'createdAt' ? ['asc', '>'] : ['desc', '<']
  const page = [...conditions]
  if (after !== undefined)
    page.push(`(created_at, id) ${beyond} (${put(after.createdAt)}::timestamptz, ${put(after.id)})`)
  const limit = put(query.limit + 1)
  const offset = after === undefined ? ` offset ${put(query.offset ?? 0)}` : ''
  const text = `select ${storeColumns}, (${total}) as total from stores
    where ${page.join(' and ')}
    order by created_at ${order}, id ${order} limit ${limit}${offset}`
  return { name: `${name}:${order}:${after === undefined ? 'offset' : 'cursor'}`, text, values }
}

/** The exact number of stores of the list, whatever the page. */
export function totalStatement(tenantId: string, query: ListStoresQuery): Statement {
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
