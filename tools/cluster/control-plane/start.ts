import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { ENDED } from '../../../embedded/processes/start-process.ts'
import { kwokConfiguration } from '../kwok/stages.ts'
import { apiClient } from './api-client.ts'
import { bootstrap, startControlPlane, untilBootstrapped } from './control-plane.ts'
import * as components from './components.ts'
import type { Tokens } from './credentials.ts'
import { type ProcessGroup, openProcessGroup, type Component } from './process-group.ts'

const KWOK_STARTS = 3

interface ClusterOptions {
  /** Holds all data of the cluster; a cluster started with the same folder continues with it. */
  folder: string
  /** The folder of its programs. */
  programs: string
  apiPort: number
  durable: boolean
}

export interface RunningCluster {
  url: string
  /** PEM. */
  ca: string
  tokens: Tokens
  /** The admin's, a file only this user can read. */
  kubeconfig: string
  pids: Record<string, number>
  /** Settles when a component has ended unasked; says which one and where its log is. */
  failed: Promise<string>
  stop: () => Promise<void>
}

/** A real Kubernetes API on loopback; resolves when its node is ready and PVCs can bind. */
export async function startCluster(options: ClusterOptions): Promise<RunningCluster> {
  const { folder } = options
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const group = openProcessGroup({ folder })
  try {
    return await startAll(group, { ...options, ...components.loopback })
  } catch (error) {
    // The folder may be removed with its logs: report their last lines now.
    const said = await group.lastWords()
    await group.stop()
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`The cluster did not start: ${why}\n${said}`, { cause: error })
  }
}

async function startAll(group: ProcessGroup, layout: components.Layout): Promise<RunningCluster> {
  const { folder } = layout
  const { url, ca, tokens, api, configFor } = await startControlPlane(group, layout)
  const podLogFile = await writePodLog(folder, ['This pod is simulated: nothing runs in it.'])
  const configFile = join(folder, 'kwok.yaml')
  await writeFile(configFile, kwokConfiguration(podLogFile))
  const kubeletPort = await freePort()
  await bootstrap(api, layout, kubeletPort)
  const config = { kubeconfig: await configFor('kwok'), configFile, kubeletPort }
  const kubelet = apiClient({ url: `https://127.0.0.1:${kubeletPort}`, ca, token: '' })
  await startKwok(group, components.kwok(layout, config), () => untilBootstrapped(api, kubelet))
  await configFor('restricted')
  return {
    url,
    ca,
    tokens,
    kubeconfig: await configFor('admin'),
    pids: group.pids(),
    failed: group.failed(),
    stop: group.stop,
  }
}

/** kwok 0.8 panics in about one of three hundred starts; the next start continues its work. */
async function startKwok(
  group: ProcessGroup,
  kwok: Component,
  probe: () => Promise<void>,
): Promise<void> {
  for (let start = 1; ; start++) {
    await group.launch(kwok)
    try {
      return await group.until(kwok.name, probe)
    } catch (error) {
      const hasEnded = error instanceof Error && 'code' in error && error.code === ENDED
      if (!hasEnded || start === KWOK_STARTS) throw error
      process.stderr.write(`${error.message}\nkwok is started again\n`)
    }
  }
}

/** Sets the log of every container of every simulated pod; returns the file's path. */
export async function writePodLog(folder: string, lines: string[]): Promise<string> {
  const path = join(folder, 'pods.log')
  const now = new Date().toISOString()
  // The form in which a container runtime keeps a log.
  await writeFile(path, lines.map((line) => `${now} stdout F ${line}\n`).join(''))
  return path
}
