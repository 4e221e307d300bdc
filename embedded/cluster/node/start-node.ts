import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { freePort } from '../../processes/free-port.ts'
import { openGroup } from '../group/group.ts'
import { startControlPlane, type ControlPlane } from '../server/control-plane.ts'
import { defineRoutes, untilUsable } from '../server/furnish.ts'
import { apply } from '../server/api-client.ts'
import type { Layout } from '../server/parts.ts'
import { addresses, NODE } from './machine/addresses.ts'
import { makeCgroups } from './machine/cgroups.ts'
import { claimHost } from './machine/sole.ts'
import { startMachine, type Machine } from './machine/start-machine.ts'
import { containerd, networkPlugins } from './parts/containerd.ts'
import { coreDns, dnsRights } from './parts/coredns.ts'
import { imagesOf, importPause, type Images } from './parts/images.ts'
import { kubeProxy } from './parts/kube-proxy.ts'
import { kubelet } from './parts/kubelet.ts'
import { nodePrograms, type NodePrograms } from './programs/programs.ts'
import { whatIsMissing } from './what-is-missing.ts'

export { whatIsMissing }

export interface RealCluster extends Images, AsyncDisposable {
  /** Path; the admin's. */
  kubeconfig: string
  url: string
  nodeIp: string
  /** Settles when a part has ended that nobody stopped; says which. */
  failed: Promise<string>
  close: () => Promise<void>
}

interface RealClusterOptions {
  /** Holds everything the cluster keeps; a cluster with the same folder goes on where it was. */
  folder: string
  log: (line: string) => void
}

/**
 * A cluster whose pods are real, on a node of its own: a machine in this machine that leaves nothing
 * behind. Needs root on Linux; throws with the names of what is missing.
 */
export async function startRealCluster(options: RealClusterOptions): Promise<RealCluster> {
  const folder = resolve(options.folder)
  const missing = await whatIsMissing()
  if (missing.length > 0) throw new Error(`Real pods cannot run here: ${missing.join('; ')}`)
  const programs = await nodePrograms(process.env)
  await mkdir(join(folder, 'node'), { recursive: true, mode: 0o700 })
  const claim = await claimHost()
  const undo: (() => Promise<void>)[] = [claim.release]
  const close = async () => {
    for (let last = undo.pop(); last !== undefined; last = undo.pop()) await last()
  }
  try {
    const machine = await startMachine(join(folder, 'node'), programs.debian)
    undo.push(machine.stop)
    await makeCgroups()
    await claim.note(machine.pid)
    return await startAll({ folder, programs, machine, undo, close, log: options.log })
  } catch (error) {
    await close()
    throw error
  }
}

interface Start {
  folder: string
  programs: NodePrograms
  machine: Machine
  undo: (() => Promise<void>)[]
  close: () => Promise<void>
  log: (line: string) => void
}

async function startAll(start: Start): Promise<RealCluster> {
  const { folder, programs, machine, undo, close, log } = start
  const layout: Layout = {
    folder,
    programs: programs.controlPlane,
    apiHost: addresses.node,
    apiPort: await freePort(),
    services: addresses.services,
    durable: true,
  }
  const group = openGroup({ folder, by: machine.onNetwork })
  undo.push(group.stop)
  const plane = await startControlPlane(group, layout)
  log(`the API answers at ${plane.url}`)
  await defineRoutes(plane.api, layout)
  const images = await startNode(start, plane)
  log(`node ${NODE} is ready at ${addresses.node}`)
  return {
    ...images,
    kubeconfig: await plane.configFor('admin'),
    url: plane.url,
    nodeIp: addresses.node,
    failed: group.failed(),
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function startNode(start: Start, { api, configFor }: ControlPlane): Promise<Images> {
  const { programs, machine } = start
  const { debian } = programs
  const folder = join(start.folder, 'node')
  const group = openGroup({ folder, by: machine.inside })
  const images = imagesOf(machine, debian)
  const conf = await networkPlugins(folder)
  await group.launch(await containerd(folder, debian, { bin: debian.cni, conf }))
  await group.until('containerd', async () => {
    await images.hasImage('')
  })
  await importPause(images, folder, debian)
  const { env } = debian
  const at = { folder, programs: programs.kubernetes, env }
  await group.launch(await kubelet({ ...at, kubeconfig: await configFor('kubelet') }))
  await group.launch(await kubeProxy({ ...at, kubeconfig: await configFor('kubeProxy') }))
  for (const [path, object] of Object.entries(dnsRights)) await apply(api, path, object)
  await group.launch(await coreDns(folder, programs.coredns, await configFor('dns')))
  await group.until('kubelet', () => untilUsable(api, `/api/v1/nodes/${NODE}`))
  return images
}
