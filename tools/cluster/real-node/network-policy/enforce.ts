import { EventEmitter, once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import type { KubeConfig } from '@kubernetes/client-node'
import type { Api } from '../../control-plane/api-client.ts'
import { reconcileLoop } from '../controller.ts'
import { notification, watchWorld } from './cluster-state.ts'
import type { Endpoint } from './endpoints.ts'
import { ruleset } from './rules.ts'

const KNOWN_TIMEOUT_MS = 15_000

interface Enforcement {
  config: KubeConfig
  api: Api
  /** Programs of the node that policies treat as pods. */
  standIns: Endpoint[]
  /** Replaces the last ruleset in one step. */
  install: (ruleset: string) => Promise<void>
  log: (line: string) => void
}

interface Enforcer {
  /** Where the network plugin reports pods. */
  socket: string
  stop: () => Promise<void>
}

/** Enforces NetworkPolicies from now on: a pod starts only after its rules are in force. */
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
  const policies = reconcileLoop({ work, about: 'network policies', log })
  changes.on('changed', policies.soon)
  await policies.now()
  const hear = async (body: unknown) => {
    const told = notification.parse(body)
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

/** Calls `hear` with the JSON of each request to a socket that only this user can open; answers when it is done. */
async function listen(hear: (body: unknown) => Promise<void>) {
  // Not in the cluster's folder: the path of a socket may not be that long.
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
