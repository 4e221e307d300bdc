import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { AppError } from '#domain'
import type { ClaimLease, Target } from '../../reconcile/driver.ts'
import { patchMetadata, readObject, removeObject } from './api/objects.ts'
import type { Cluster } from './context.ts'
import { withClaimSecret } from './fence.ts'
import { nameOf, readNamespace, type StoreNamespace } from './namespace/namespace.ts'
import { uninstallArgs } from './release/deploy.ts'
import { readRecords } from './release/observe.ts'
import { type Api, refused } from './api/client.ts'

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

const ANNOTATION = 'storewright.dev/volumes'

const pvc = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    finalizers: z.array(z.string()).default([]),
  }),
  spec: z.object({ volumeName: z.string().optional() }),
})
const pvcList = z.object({ items: z.array(pvc).nullable() })
const volume = z.object({
  metadata: z.object({ finalizers: z.array(z.string()).default([]) }),
  spec: z.object({ persistentVolumeReclaimPolicy: z.string().default('Delete') }),
})

type Pvc = z.output<typeof pvc>

/** The PersistentVolumeClaims (PVCs) in the store's namespace. */
export async function listPvcs(
  { api, withNamespaceAccess }: Cluster,
  target: Target,
): Promise<Pvc[]> {
  const path = `/api/v1/namespaces/${target.release}/persistentvolumeclaims`
  return withNamespaceAccess(target, async () => {
    const answer = await api(path)
    if (answer.status !== 200) throw refused(`GET ${path}`, answer)
    return pvcList.parse(answer.body).items ?? []
  })
}

/**
 * The volumes the store has had, which nothing names any more once their PVCs are gone: the namespace
 * remembers them until they are gone too.
 */
async function rememberVolumes(
  { api }: Cluster,
  { target, namespace, pvcs }: { target: Target; namespace: StoreNamespace; pvcs: Pvc[] },
): Promise<string[]> {
  const known = (namespace.annotations[ANNOTATION] ?? '').split(',')
  const bound = pvcs.map(({ spec }) => spec.volumeName ?? '')
  const volumes = [...new Set([...known, ...bound])].filter((name) => name !== '').toSorted()
  if (volumes.join(',') !== (namespace.annotations[ANNOTATION] ?? ''))
    await patchMetadata(api, nameOf(target), {
      uid: namespace.uid,
      annotations: { [ANNOTATION]: volumes.join(',') },
    })
  return volumes
}

/** The volumes that still exist and are not retained by their policy: names, and what holds them. */
async function remainingVolumes(api: Api, names: string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const object = { kind: 'PersistentVolume', namespace: '', name } as const
      const there = await readObject(api, object, volume)
      if (there === undefined || there.spec.persistentVolumeReclaimPolicy === 'Retain') return []
      return [`PersistentVolume/${name}${heldBy(there.metadata.finalizers)}`]
    }),
  )
  return found.flat()
}

function heldBy(finalizers: string[]): string {
  return finalizers.length === 0 ? '' : ` (${finalizers.join(', ')})`
}
