import { EventEmitter, once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import type { KubeConfig, V1Namespace, V1Pod } from '@kubernetes/client-node'
import type { z } from 'zod'
import type { Api } from '../../server/api-client.ts'
import { coalesce } from '../watch/coalesce.ts'
import { keep } from '../watch/keep.ts'
import { announcement, knownPods } from './known-pods.ts'
import { listen } from './listen.ts'
import { ruleset } from './ruleset.ts'
import type { Endpoint, NetworkPolicy } from './world.ts'

const KNOWN_TIMEOUT_MS = 15_000
const AGAIN_AFTER_MS = 1_000

interface Enforcement {
  config: KubeConfig
  api: Api
  standIns: Endpoint[]
  /** Puts a ruleset in the place of the last one. */
  install: (ruleset: string) => Promise<void>
  log: (line: string) => void
}

export interface Enforcer {
  /** Where the network plugin announces pods. */
  socket: string
  stop: () => Promise<void>
}

/** Holds NetworkPolicies from now on: a pod begins only when what they say of it holds. */
export async function enforcePolicies(enforcement: Enforcement): Promise<Enforcer> {
  const { config, api, standIns, install, log } = enforcement
  const changes = new EventEmitter().setMaxListeners(0)
  const changed = () => void changes.emit('changed')
  const all = { api, changed }
  const namespaces = await keep<V1Namespace>(config, { path: '/api/v1/namespaces', ...all })
  const pods = await keep<V1Pod>(config, { path: '/api/v1/pods', ...all })
  const path = '/apis/networking.k8s.io/v1/networkpolicies'
  const policies = await keep<NetworkPolicy>(config, { path, ...all })
  const known = knownPods(pods.cache)
  let last = ''
  const hold = coalesce(async () => {
    const next = ruleset({
      namespaces: new Map(
        namespaces.cache
          .list()
          .map(({ metadata }) => [metadata?.name ?? '', metadata?.labels ?? {}]),
      ),
      pods: known.endpoints(),
      standIns,
      policies: [...policies.cache.list()],
    })
    if (next === last) return
    await install(next)
    last = next
  })
  await hold()
  let isStopped = false
  const holdOrSay = async (): Promise<void> => {
    try {
      await hold()
    } catch (error) {
      log(`network policies are not as they should be: ${String(error)}`)
      await wait(AGAIN_AFTER_MS)
      if (!isStopped) changed()
    }
  }
  changes.on('changed', () => void holdOrSay())
  const hear = async (told: z.output<typeof announcement>) => {
    known.note(told)
    const signal = AbortSignal.timeout(KNOWN_TIMEOUT_MS)
    const isKnown = () => !('ip' in told) || known.has(told.container)
    while (!isKnown()) await once(changes, 'changed', { signal })
    await hold()
  }
  const server = await listen((body) => hear(announcement.parse(body)))
  return {
    socket: server.socket,
    stop: async () => {
      isStopped = true
      changes.removeAllListeners()
      await server.close()
      await Promise.all([namespaces, pods, policies].map((each) => each.stop()))
    },
  }
}
