import { z } from 'zod'
import type { Target } from '../../../reconcile/driver.ts'
import { type Api, refused } from '../api/client.ts'
import { patchMetadata, readObject } from '../api/objects.ts'
import type { Cluster } from '../context.ts'
import { nameOf, type StoreNamespace } from '../namespace/namespace.ts'

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

export type Pvc = z.output<typeof pvc>

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
export async function rememberVolumes(
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
export async function remainingVolumes(api: Api, names: string[]): Promise<string[]> {
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

export function heldBy(finalizers: string[]): string {
  return finalizers.length === 0 ? '' : ` (${finalizers.join(', ')})`
}
