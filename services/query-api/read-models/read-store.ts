import type { StoreView } from '#contracts'
import type { ReadModels } from './connection.ts'

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
