import { z } from 'zod'
import type { Target } from '../../../reconcile/driver.ts'
import { type Api, refused } from '../api/client.ts'
import { patchMetadata, readObject } from '../api/objects.ts'
import type { Cluster } from '../context.ts'
import { nameOf, type StoreNamespace } from '../namespace/namespace.ts'

const ANNOTATION = 'storewright.dev/volumes'

const claim = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    finalizers: z.array(z.string()).default([]),
  }),
  spec: z.object({ volumeName: z.string().optional() }),
})
const claimList = z.object({ items: z.array(claim).nullable() })
const volume = z.object({
  metadata: z.object({ finalizers: z.array(z.string()).default([]) }),
  spec: z.object({ persistentVolumeReclaimPolicy: z.string().default('Delete') }),
})

export type VolumeClaim = z.output<typeof claim>

/** The claims on volumes in the store's namespace. */
export async function listVolumeClaims(
  { api, withNamespaceAccess }: Cluster,
  target: Target,
): Promise<VolumeClaim[]> {
  const path = `/api/v1/namespaces/${target.release}/persistentvolumeclaims`
  return withNamespaceAccess(target, async () => {
    const answer = await api(path)
    if (answer.status !== 200) throw refused(`GET ${path}`, answer)
    return claimList.parse(answer.body).items ?? []
  })
}

/**
 * The volumes the store has had, which nothing names any more once their claims are gone: the namespace
 * remembers them until they are gone too.
 */
export async function rememberVolumes(
  { api }: Cluster,
  {
    target,
    namespace,
    claims,
  }: { target: Target; namespace: StoreNamespace; claims: VolumeClaim[] },
): Promise<string[]> {
  const known = (namespace.annotations[ANNOTATION] ?? '').split(',')
  const bound = claims.map(({ spec }) => spec.volumeName ?? '')
  const volumes = [...new Set([...known, ...bound])].filter((name) => name !== '').toSorted()
  if (volumes.join(',') !== (namespace.annotations[ANNOTATION] ?? ''))
    await patchMetadata(api, nameOf(target), {
      uid: namespace.uid,
      annotations: { [ANNOTATION]: volumes.join(',') },
    })
  return volumes
}

/** A volume that is still there and will not stay by its own policy: its name and what holds it. */
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
