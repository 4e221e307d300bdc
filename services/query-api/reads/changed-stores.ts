import type { StoreView } from '#contracts'
import type { ReadModels } from './read-models.ts'
import { storeColumns, viewOfRow, type StoreRow } from './store-row.ts'

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
