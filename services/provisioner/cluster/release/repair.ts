import type { Target } from '../../reconcile/driver.ts'
import { removeObject } from '../api/objects.ts'
import type { Cluster } from '../cluster.ts'
import { readRecords } from './observe.ts'

/** Removes the record of a run of helm that was cut off, if it is still the one it was when looked at. */
export async function repair(cluster: Cluster, target: Target): Promise<void> {
  const [newest] = await readRecords(cluster, target)
  if (newest === undefined || !newest.labels['status']?.startsWith('pending-')) return
  if (newest.labels['cp.store'] !== target.request.storeId) return
  const { name, uid, resourceVersion } = newest
  const object = { kind: 'Secret', namespace: target.release, name } as const
  await removeObject(cluster.api, object, { uid, resourceVersion })
}
