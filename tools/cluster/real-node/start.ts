import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { defineRoutes, untilUsable } from '../control-plane/bootstrap.ts'
import { startControlPlane } from '../control-plane/control-plane.ts'
import { openGroup } from '../control-plane/process-group.ts'
import type { Images } from './components/images.ts'
import { whatIsMissing } from './preflight.ts'
import { nodePrograms, type NodePrograms, startPrograms } from './programs.ts'
import { makeCgroups } from './sandbox/cgroups.ts'
import { claimHost } from './sandbox/host-lock.ts'
import { addresses, NODE } from './sandbox/network.ts'
import { type Machine, startMachine } from './sandbox/start.ts'

/** Nothing else listens in the machine. */
const API_PORT = 6443

export interface RealCluster extends Images, AsyncDisposable {
  /** Path; the admin's. */
  kubeconfig: string
  url: string
  nodeIp: string
  pids: Record<string, number>
  /** Settles when a part has ended that nobody stopped; says which and where its log is. */
  failed: Promise<string>
  /** Ends everything; pods, volumes and the cluster's data stay in the folder alone. */
  close: () => Promise<void>
}

interface RealClusterOptions {
  /** Holds everything the cluster keeps; a cluster with the same folder goes on where it was. */
  folder: string
  log: (line: string) => void
}

/** How to end what has been started, the last first. */
type Undo = (() => Promise<void>)[]

/**
 * A cluster whose pods are real, on a node of its own: a machine in this machine that leaves nothing
 * behind. Needs root on Linux; throws with the names of what is missing, or when one runs already.
 */
export async function startRealCluster({ folder, log }: RealClusterOptions): Promise<RealCluster> {
  const missing = await whatIsMissing()
  if (missing.length > 0) throw new Error(`Real pods cannot run here: ${missing.join('; ')}`)
  const programs = await nodePrograms(process.env)
  const claim = await claimHost()
  const undo: Undo = [claim.release]
  try {
    const place = join(resolve(folder), 'node')
    await mkdir(place, { recursive: true, mode: 0o700 })
    const machine = await startMachine(place, programs.debian)
    undo.push(machine.stop)
    await claim.note(machine.pid)
    await makeCgroups()
    return await startAll({ folder: resolve(folder), programs, machine, undo, log })
  } catch (error) {
    await close(undo)
    throw error
  }
}

interface Start {
  folder: string
  programs: NodePrograms
  machine: Machine
  undo: Undo
  log: (line: string) => void
}

async function startAll(start: Start): Promise<RealCluster> {
  const { folder, programs, machine, undo, log } = start
  const ofNode = join(folder, 'node')
  const plane = openGroup({ folder, by: machine.insideAt(folder) })
  const node = openGroup({ folder: ofNode, by: machine.insideAt(ofNode) })
  undo.push(async () => {
    // All of them end with the machine, and who has entered it for them right after.
    await machine.stop()
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
    void failed.then((how) => undo.length > 0 && log(`a part of the cluster ended: ${how}`))
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
    // The logs may go with the folder: what they say is said now.
    const said = `${await plane.lastWords()}\n${await node.lastWords()}`
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`The cluster did not start: ${why}\n${said}`, { cause: error })
  }
}

/** Goes through with all of it; what went wrong on the way is thrown in the end. */
async function close(undo: Undo): Promise<void> {
  const failures: unknown[] = []
  for (const step of undo.splice(0).toReversed())
    await step().catch((error: unknown) => failures.push(error))
  if (failures.length > 0)
    throw new AggregateError(failures, 'The cluster has left something behind')
}
