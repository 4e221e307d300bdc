import type { KubeConfig, V1Namespace, V1Pod } from '@kubernetes/client-node'
import type { Api } from '../../server/api-client.ts'
import { keep } from '../watch/keep.ts'
import { knownPods, type KnownPods } from './known-pods.ts'
import type { Endpoint, NetworkPolicy, World } from './rules/world.ts'

interface WatchOptions {
  config: KubeConfig
  api: Api
  /** Programs of the node that a policy can let pods reach as if they were pods. */
  standIns: Endpoint[]
  changed: () => void
}

export interface WatchedWorld {
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
