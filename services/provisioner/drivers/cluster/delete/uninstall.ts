import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { AppError } from '#domain'
import type { ClaimLease, Target } from '../../../reconcile/driver.ts'
import { removeObject } from '../api/objects.ts'
import type { Cluster } from '../context.ts'
import { withClaimSecret } from '../fence/claim-secret.ts'
import { nameOf, readNamespace, type StoreNamespace } from '../namespace/namespace.ts'
import { uninstallArgs } from '../release/deploy.ts'
import { readRecords } from '../release/observe.ts'
import { heldBy, listPvcs, remainingVolumes, rememberVolumes } from './volumes.ts'

const POLL_EVERY_MS = 500
const HELM_LIMIT_MS = 120_000

/**
 * Removes a store: the release, its volumes, and last the namespace with everything left in it. Each step
 * starts only when the one before is done, so an attempt after a crash finds what remains to be done.
 */
export async function uninstall(
  cluster: Cluster,
  target: Target,
  lease: ClaimLease,
): Promise<void> {
  const namespace = await readNamespace(cluster.api, target)
  if (namespace === undefined || !namespace.isOurs || namespace.isEnding) return
  await uninstallRelease(cluster, target, lease)
  const volumes = await removePvcs(cluster, { target, lease, namespace })
  await untilGone(cluster, { target, lease, volumes })
  await lease.confirm()
  await removeObject(cluster.api, nameOf(target), { uid: namespace.uid })
}

// Helm runs hooks and ends pods before their dependencies; what it leaves goes with the namespace.
async function uninstallRelease(
  cluster: Cluster,
  target: Target,
  lease: ClaimLease,
): Promise<void> {
  const [newest] = await readRecords(cluster, target)
  if (newest === undefined || newest.labels['cp.store'] !== target.request.storeId) return
  const ended = await withClaimSecret(cluster, { target, lease }, (folder, kubeconfig) => {
    const args = uninstallArgs(target, kubeconfig, HELM_LIMIT_MS)
    return cluster.helm.run(args, join(folder, 'stdout'), lease)
  })
  const { code, reason, stderr, durationMs } = ended
  const logged = { release: target.release, code, reason, stderr, durationMs }
  cluster.logger.info(logged, 'Uninstalled the release')
}

// Reads, then confirms the claim, then removes exactly what was read: a worker that thaws late removes nothing newer.
async function removePvcs(
  cluster: Cluster,
  { target, lease, namespace }: { target: Target; lease: ClaimLease; namespace: StoreNamespace },
): Promise<string[]> {
  const pvcs = await listPvcs(cluster, target)
  await lease.confirm()
  const volumes = await rememberVolumes(cluster, { target, namespace, pvcs })
  const collection = { kind: 'PersistentVolumeClaim', namespace: target.release } as const
  await Promise.all(
    pvcs.map(({ metadata: { name, uid } }) =>
      removeObject(cluster.api, { ...collection, name }, { uid }),
    ),
  )
  return volumes
}

interface Removal {
  target: Target
  lease: ClaimLease
  volumes: string[]
}

async function untilGone(cluster: Cluster, { target, lease, volumes }: Removal): Promise<void> {
  const giveUpAt = performance.now() + cluster.removalLimitMs
  const names = new Set(volumes)
  for (;;) {
    const pvcs = await listPvcs(cluster, target)
    // A PVC that was not bound at first may have got its volume since.
    for (const { spec } of pvcs) if (spec.volumeName !== undefined) names.add(spec.volumeName)
    const remaining = [
      ...pvcs.map(
        ({ metadata: { name, finalizers } }) =>
          `PersistentVolumeClaim/${name}${heldBy(finalizers)}`,
      ),
      ...(await remainingVolumes(cluster.api, [...names])),
    ]
    if (remaining.length === 0) return
    if (lease.signal.aborted) await lease.confirm()
    if (performance.now() > giveUpAt || lease.signal.aborted)
      throw new AppError('RELEASE_STUCK', `Not gone yet: ${remaining.join(', ')}`, {
        retryable: true,
      })
    await wait(POLL_EVERY_MS, undefined, { signal: lease.signal }).catch(() => {})
  }
}
