import type { ClaimLease, Target } from '../../../reconcile/driver.ts'
import { type Metadata, patchMetadata, removeObject } from '../api/objects.ts'
import type { Cluster } from '../context.ts'
import { readRecords } from './observe.ts'

/**
 * Removes the record of a run of helm that was cut off, if it is still the one it was when looked at. The
 * run may have changed objects already: the record below it no longer says what there is, and is marked first.
 */
export async function unlock(cluster: Cluster, target: Target, lease: ClaimLease): Promise<void> {
  const [newest, ...older] = await readRecords(cluster, target)
  if (newest === undefined || !newest.labels['status']?.startsWith('pending-')) return
  if (newest.labels['cp.store'] !== target.request.storeId) return
  // Asked after the look: what is removed below is what stood there while the claim did.
  await lease.confirm()
  for (const record of older)
    if (record.labels['status'] === 'deployed') await invalidate(cluster, target, record)
  const { uid, resourceVersion } = newest
  await removeObject(cluster.api, secretOf(target, newest), { uid, resourceVersion })
}

/** Takes from a deployed record what it would be adopted by. */
async function invalidate({ api }: Cluster, target: Target, record: Metadata): Promise<void> {
  const { resourceVersion } = record
  await patchMetadata(api, secretOf(target, record), {
    resourceVersion,
    labels: { 'cp.values': 'overtaken' },
  })
}

const secretOf = ({ release }: Target, { name }: Metadata) =>
  ({ kind: 'Secret', namespace: release, name }) as const
