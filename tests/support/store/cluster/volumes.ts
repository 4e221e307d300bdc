import { z } from 'zod'
import type { StoreWorld } from '../store-world.ts'

const volumeList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      spec: z.object({
        claimRef: z.object({ namespace: z.string(), name: z.string() }),
        local: z.object({ path: z.string() }),
      }),
    }),
  ),
})

/** The volumes that a namespace's claims have, and the folder on this machine that each one is. */
export async function volumesOf({ api }: Pick<StoreWorld, 'api'>, namespace: string) {
  const { items } = volumeList.parse((await api('/api/v1/persistentvolumes')).body)
  return items
    .filter(({ spec }) => spec.claimRef.namespace === namespace)
    .map(({ metadata: { name }, spec: { claimRef, local } }) => ({
      name,
      claim: claimRef.name,
      folder: local.path,
    }))
}
