import type { KubeConfig, ObjectCache, V1Namespace, V1Pod } from '@kubernetes/client-node'
import { z } from 'zod'
import type { Api } from '../../control-plane/api-client.ts'
import { watchObjects } from '../controller.ts'
import { type Endpoint, endpointOf, type NetworkPolicy, type World } from './endpoints.ts'

interface WatchOptions {
  config: KubeConfig
  api: Api
  /** Programs of the node that policies treat as pods. */
  standIns: Endpoint[]
  changed: () => void
}

interface WatchedWorld {
  known: KnownPods
  now: () => World
  stop: () => Promise<void>
}

/** Watches everything that decides about packets. */
export async function watchWorld(options: WatchOptions): Promise<WatchedWorld> {
  const { config, api, standIns, changed } = options
  const all = { api, changed }
  const namespaces = await watchObjects<V1Namespace>(config, { path: '/api/v1/namespaces', ...all })
  const pods = await watchObjects<V1Pod>(config, { path: '/api/v1/pods', ...all })
  const path = '/apis/networking.k8s.io/v1/networkpolicies'
  const policies = await watchObjects<NetworkPolicy>(config, { path, ...all })
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

/** What the network plugin reports of a pod's network: with an address it was made, without one it is going. */
export const notification = z.union([
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
  note: (told: z.output<typeof notification>) => void
  /** Whether the API has sent the pod as well, so that its labels are known. */
  has: (container: string) => boolean
  endpoints: () => Endpoint[]
}

/** The pods that have a network. The API reports their addresses too late to rely on. */
function knownPods(pods: ObjectCache<V1Pod>): KnownPods {
  const networks = new Map<string, { namespace: string; name: string; uid: string; ip: string }>()
  const podOf = (container: string) => {
    const network = networks.get(container)
    const pod = network && pods.get(network.name, network.namespace)
    // An older pod of the same name may be terminating.
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
