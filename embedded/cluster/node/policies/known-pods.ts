import type { ObjectCache, V1Pod } from '@kubernetes/client-node'
import { z } from 'zod'
import { endpointOf, type Endpoint } from './rules/world.ts'

/** What the network plugin tells of a pod's network: that it is made, or, without an address, going. */
export const announcement = z.union([
  z.object({
    container: z.string(),
    namespace: z.string(),
    name: z.string(),
    uid: z.string(),
    ip: z.ipv4(),
  }),
  z.object({ container: z.string() }),
])

export interface KnownPods {
  note: (told: z.output<typeof announcement>) => void
  /** Whether the API has told of the pod as well, so that its labels are known. */
  has: (container: string) => boolean
  endpoints: () => Endpoint[]
}

/** The pods that have a network; what the API says of an address comes too late to judge by. */
export function knownPods(pods: ObjectCache<V1Pod>): KnownPods {
  const networks = new Map<string, { namespace: string; name: string; uid: string; ip: string }>()
  const podOf = (container: string) => {
    const network = networks.get(container)
    const pod = network && pods.get(network.name, network.namespace)
    // Another one of the same name may be on its way out.
    if (pod?.metadata?.uid !== network?.uid) return undefined
    return network && pod && endpointOf(pod, network.ip)
  }
  return {
    note: (told) => {
      if ('ip' in told) networks.set(told.container, told)
      else networks.delete(told.container)
    },
    has: (container) => podOf(container) !== undefined,
    endpoints: () => [...networks.keys()].flatMap((container) => podOf(container) ?? []),
  }
}
