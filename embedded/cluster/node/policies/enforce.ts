import { EventEmitter, once } from 'node:events'
import type { KubeConfig } from '@kubernetes/client-node'
import type { Api } from '../../server/api-client.ts'
import { steadily } from '../watch/steadily.ts'
import { announcement } from './known-pods.ts'
import { listen } from './listen.ts'
import { ruleset } from './rules/ruleset.ts'
import type { Endpoint } from './rules/world.ts'
import { watchWorld } from './watch-world.ts'

const KNOWN_TIMEOUT_MS = 15_000

interface Enforcement {
  config: KubeConfig
  api: Api
  /** Programs of the node that a policy can let pods reach as if they were pods. */
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
  const { install, log, ...watched } = enforcement
  const changes = new EventEmitter().setMaxListeners(0)
  const world = await watchWorld({ ...watched, changed: () => void changes.emit('changed') })
  let last = ''
  const work = async () => {
    const next = ruleset(world.now())
    if (next !== last) await install(next)
    last = next
  }
  const policies = steadily({ work, about: 'network policies', log })
  changes.on('changed', policies.soon)
  await policies.now()
  const hear = async (body: unknown) => {
    const told = announcement.parse(body)
    world.known.note(told)
    const isKnown = () => !('ip' in told) || world.known.has(told.container)
    const signal = AbortSignal.timeout(KNOWN_TIMEOUT_MS)
    while (!isKnown()) await once(changes, 'changed', { signal })
    await policies.now()
  }
  const server = await listen(hear)
  const stop = async () => {
    policies.stop()
    await server.close()
    await world.stop()
  }
  return { socket: server.socket, stop }
}
