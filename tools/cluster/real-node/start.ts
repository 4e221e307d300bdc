import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { defineRoutes, startControlPlane, untilUsable } from '../control-plane/control-plane.ts'
import { openProcessGroup } from '../control-plane/process-group.ts'
import type { Images } from './components/containerd.ts'
import { whatIsMissing } from './preflight.ts'
import { nodePrograms, type NodePrograms, startPrograms } from './programs.ts'
import { makeCgroups } from './sandbox/cgroups.ts'
import { lockHost } from './sandbox/host-lock.ts'
import { addresses, NODE } from './sandbox/network.ts'
import { type Sandbox, startSandbox } from './sandbox/start.ts'

/** Nothing else listens in the sandbox, so a fixed port is free. */
const API_PORT = 6443

export interface RealCluster extends Images, AsyncDisposable {
  /** Path; the admin's. */
  kubeconfig: string
  url: string
  nodeIp: string
  pids: Record<string, number>
  /** Settles when a component has ended unasked; says which one and where its log is. */
  failed: Promise<string>
  /** Stops everything; the volumes and the cluster's data stay in the folder. */
  close: () => Promise<void>
}

interface RealClusterOptions {
  /** Holds all data of the cluster; a cluster started with the same folder continues with it. */
  folder: string
  log: (line: string) => void
}

/** How to stop what has been started; run in reverse order. */
type Undo = (() => Promise<void>)[]

/**
 * A cluster with real pods on a node of its own: a sandbox on this machine that leaves nothing behind.
 * Needs root on Linux. Throws with the names of what is missing, or when such a cluster already runs.
 */
export async function startRealCluster({ folder, log }: RealClusterOptions): Promise<RealCluster> {
  const missing = await whatIsMissing()
  if (missing.length > 0) throw new Error(`Real pods cannot run here: ${missing.join('; ')}`)
  const programs = await nodePrograms(process.env)
  const hostLock = await lockHost()
  const undo: Undo = [hostLock.release]
  try {
    const nodeFolder = join(resolve(folder), 'node')
    await mkdir(nodeFolder, { recursive: true, mode: 0o700 })
    const sandbox = await startSandbox(nodeFolder, programs.debian)
    undo.push(sandbox.stop)
    await hostLock.note(sandbox.pid)
    await makeCgroups()
    return await startAll({ folder: resolve(folder), programs, sandbox, undo, log })
  } catch (error) {
    await close(undo)
    throw error
  }
}

interface Start {
  folder: string
  programs: NodePrograms
  sandbox: Sandbox
  undo: Undo
  log: (line: string) => void
}

async function startAll(start: Start): Promise<RealCluster> {
  const { folder, programs, sandbox, undo, log } = start
  const ofNode = join(folder, 'node')
  const plane = openProcessGroup({ folder, by: sandbox.insideAt(folder) })
  const node = openProcessGroup({ folder: ofNode, by: sandbox.insideAt(ofNode) })
  undo.push(async () => {
    // All of them end with the sandbox; the processes that entered it for them end right after.
    await sandbox.stop()
    await Promise.all([plane.stop(), node.stop()])
  })
  try {
    const layout = {
      folder,
      programs: programs.controlPlane,
      apiHost: addresses.node,
      apiPort: API_PORT,
      services: addresses.services,
      durable: false,
    }
    const controlPlane = await startControlPlane(plane, layout)
    const { api, url, configFor } = controlPlane
    log(`the API answers at ${url}`)
    await defineRoutes(api, layout)
    const kubeconfig = await configFor('admin')
    const { images, stop } = await startPrograms({ ...start, ...controlPlane, group: node })
    undo.push(stop)
    await node.until('kubelet', () => untilUsable(api, `/api/v1/nodes/${NODE}`))
    log(`the node ${NODE} is ready at ${addresses.node}`)
    const failed = Promise.race([plane.failed(), node.failed()])
    void failed.then((how) => undo.length > 0 && log(`a component of the cluster ended: ${how}`))
    const end = () => close(undo)
    return {
      ...images,
      kubeconfig,
      url,
      nodeIp: addresses.node,
      pids: { ...plane.pids(), ...node.pids() },
      failed,
      close: end,
      [Symbol.asyncDispose]: end,
    }
  } catch (error) {
    // The folder may be removed with its logs: report their last lines now.
    const said = `${await plane.lastWords()}\n${await node.lastWords()}`
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`The cluster did not start: ${why}\n${said}`, { cause: error })
  }
}

/** Runs every step; throws at the end what failed on the way. */
async function close(undo: Undo): Promise<void> {
  const failures: unknown[] = []
  for (const step of undo.splice(0).toReversed())
    await step().catch((error: unknown) => failures.push(error))
  if (failures.length > 0)
    throw new AggregateError(failures, 'The cluster has left something behind')
}
