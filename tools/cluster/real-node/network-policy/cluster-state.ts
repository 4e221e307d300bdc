import type { KubeConfig, ObjectCache, V1Namespace, V1Pod } from '@kubernetes/client-node'
import { z } from 'zod'
import type { Api } from '../../control-plane/api-client.ts'
import { keep } from '../informer.ts'
import { type Endpoint, endpointOf, type NetworkPolicy, type World } from './endpoints.ts'

interface WatchOptions {
  config: KubeConfig
  api: Api
  /** Programs of the node that a policy can let pods reach as if they were pods. */
  standIns: Endpoint[]
  changed: () => void
}

interface WatchedWorld {
  known: KnownPods
  now: () => World
  stop: () => Promise<void>
}

/** Keeps all that decides about packets as it is. */
export async function watchWorld(options: WatchOptions): Promise<WatchedWorld> {
  const { config, api, standIns, changed } = options
  const all = { api, changed }
  const namespaces = await keep<V1Namespace>(config, { path: '/api/v1/namespaces', ...all })
  const pods = await keep<V1Pod>(config, { path: '/api/v1/pods', ...all })
  const path = '/apis/networking.k8s.io/v1/networkpolicies'
  const policies = await keep<NetworkPolicy>(config, { path, ...all })
  const known = knownPods(pods.cache)
  const labelled = (): [string, Record<string, string>][] =>
    namespaces.cache.list().map(({ metadata }) => [metadata?.name ?? '', metadata?.labels ?? {}])
  return {
    known,
    now: () => ({
      namespaces: new Map(labelled()),
      pods: known.endpoints(),
      standIns,
      policies: [...policies.cache.list()],
    }),
    stop: async () => {
      await Promise.all([namespaces, pods, policies].map((each) => each.stop()))
    },
  }
}

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

interface KnownPods {
  note: (told: z.output<typeof announcement>) => void
  /** Whether the API has told of the pod as well, so that its labels are known. */
  has: (container: string) => boolean
  endpoints: () => Endpoint[]
}

/** The pods that have a network; what the API says of an address comes too late to judge by. */
function knownPods(pods: ObjectCache<V1Pod>): KnownPods {
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
