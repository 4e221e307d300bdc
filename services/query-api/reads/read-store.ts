import type { StoreView } from '#contracts'
import type { ReadModels } from './read-models.ts'
import { storeColumns, viewOfRow, type StoreRow } from './store-row.ts'

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
