import type { StoreView } from '#contracts'

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
