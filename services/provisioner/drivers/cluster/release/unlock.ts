import type { ClaimLease, Target } from '../../../reconcile/driver.ts'
import { type Metadata, patchMetadata, removeObject } from '../api/objects.ts'
import type { Cluster } from '../context.ts'
import { readRecords } from './observe.ts'

/**
 * Removes the record of a run of helm that was cut off, if it is unchanged since it was read. The run may
 * have changed objects already: the record below it no longer matches them, and is invalidated first.
 */
export async function unlock(cluster: Cluster, target: Target, lease: ClaimLease): Promise<void> {
  const [newest, ...older] = await readRecords(cluster, target)
  if (newest === undefined || !newest.labels['status']?.startsWith('pending-')) return
  if (newest.labels['cp.store'] !== target.request.storeId) return
  // After the records were read: what is removed below existed while the claim was current.
  await lease.confirm()
  for (const record of older)
    if (record.labels['status'] === 'deployed') await invalidate(cluster, target, record)
  const { uid, resourceVersion } = newest
  await removeObject(cluster.api, secretOf(target, newest), { uid, resourceVersion })
}

/** Changes the label of a deployed record by which it would be adopted. */
async function invalidate({ api }: Cluster, target: Target, record: Metadata): Promise<void> {
  const { resourceVersion } = record
  await patchMetadata(api, secretOf(target, record), {
    resourceVersion,
    labels: { 'cp.values': 'overtaken' },
  })
}

const secretOf = ({ release }: Target, { name }: Metadata) =>
  ({ kind: 'Secret', namespace: release, name }) as const
