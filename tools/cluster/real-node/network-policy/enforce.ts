import { EventEmitter, once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import type { KubeConfig } from '@kubernetes/client-node'
import type { Api } from '../../control-plane/api-client.ts'
import { steadily } from '../reconcile-loop.ts'
import { announcement, watchWorld } from './cluster-state.ts'
import type { Endpoint } from './endpoints.ts'
import { ruleset } from './ruleset.ts'

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

interface Enforcer {
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

/** Calls `hear` with the JSON of each request to a socket only this user gets at; answers when it is done. */
async function listen(hear: (body: unknown) => Promise<void>) {
  // Not in the cluster's folder: its path may be longer than the system allows a socket's to be.
  const folder = await mkdtemp(join(tmpdir(), 'storewright-'))
  const socket = join(folder, 'policies')
  const server = createServer((request, response) => {
    json(request)
      .then(hear)
      .then(
        () => response.writeHead(204).end(),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
  })
  server.listen(socket)
  await once(server, 'listening')
  return {
    socket,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
