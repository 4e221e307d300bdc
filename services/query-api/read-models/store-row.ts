import type { StoreView } from '#contracts'
import type { ReadModels } from './connection.ts'

/** A row of `stores` with the names of the view; only the revision has another type. */
export interface StoreRow extends Omit<StoreView, 'revision'> {
  revision: bigint
}

export const storeColumns = `id, tenant_id as "tenantId", name, engine, plan, status, url, release,
  namespace, chart_version as "chartVersion", upgrade, attempt, failure, created_at as "createdAt", updated_at as "updatedAt",
  deleted_at as "deletedAt", revision`

/** A row as the API shows it. */
export function viewOfRow(row: StoreRow): StoreView {
  return {
    id: row.id,
    tenantId: row.tenantId,
    name: row.name,
    engine: row.engine,
    plan: row.plan,
    status: row.status,
    url: row.url,
    release: row.release,
    namespace: row.namespace,
    chartVersion: row.chartVersion,
    upgrade: row.upgrade,
    attempt: row.attempt,
    failure: row.failure,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    deletedAt: row.deletedAt,
    revision: Number(row.revision),
  }
}

/** The tenant's store of that id, also a deleted one; undefined when the read models have none. */
export async function readStore(
  { query }: ReadModels,
  { tenantId, storeId }: { tenantId: string; storeId: string },
): Promise<StoreView | undefined> {
  const [row] = await query<StoreRow>({
    name: 'read-store',
    text: `select ${storeColumns} from stores where id = $1 and tenant_id = $2`,
    values: [storeId, tenantId],
  })
  return row && viewOfRow(row)
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
  const rows = await query<StoreRow & { position: bigint }>({
    name: 'changed-stores',
    text: `select ${storeColumns}, position from stores
           where tenant_id = $1 and position > $2 order by position limit $3`,
    values: [tenantId, after, limit],
  })
  return rows.map((row) => ({ position: row.position, view: viewOfRow(row) }))
}
