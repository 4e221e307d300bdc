import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { freePort, isFree } from '../../embedded/processes/free-port.ts'
import { clusterPrograms } from './binaries/programs.ts'
import { type RunningCluster, startCluster } from './control-plane/start.ts'
import { own } from './owner.ts'
import { lockHost } from './real-node/sandbox/host-lock.ts'
import { type RealCluster, startRealCluster } from './real-node/start.ts'

interface UpOptions {
  folder: string
  /** Of the API server; without it the last one used, or a free one. */
  port: number | undefined
  env: NodeJS.ProcessEnv
}

/** Runs the cluster until SIGINT or SIGTERM, or until a component ends by itself: an error. */
export async function up({ folder: path, port, env }: UpOptions): Promise<void> {
  const folder = resolve(path)
  const asked = untilAsked()
  const programs = await clusterPrograms(env)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const owned = await own(folder)
  try {
    const since = Date.now()
    const apiPort = await portFor(folder, port)
    const cluster = await startCluster({ folder, programs, apiPort, durable: true })
    await describe(folder, cluster, Date.now() - since)
    const failure = await Promise.race([asked, cluster.failed])
    await cluster.stop()
    if (failure !== undefined) throw new Error(failure)
    process.stdout.write('The cluster is down; its data is kept.\n')
  } finally {
    await rm(join(folder, 'running.json'), { force: true })
    await owned.release()
  }
}

/** A copied kubeconfig stays valid as long as the port is free at the next start. */
async function portFor(folder: string, wanted: number | undefined): Promise<number> {
  const file = join(folder, 'port')
  const last = Number(await readFile(file, 'utf8').catch(() => ''))
  if (wanted !== undefined && !(await isFree(wanted)))
    throw new Error(`Port ${wanted} on 127.0.0.1 is taken: name another one with --port`)
  const lastIsFree = last > 0 && (await isFree(last))
  const port = wanted ?? (lastIsFree ? last : await freePort())
  await writeFile(file, String(port))
  return port
}

async function describe(folder: string, cluster: RunningCluster, tookMs: number): Promise<void> {
  const { url, kubeconfig, pids } = cluster
  await writeFile(join(folder, 'running.json'), JSON.stringify({ url, kubeconfig, pids }))
  process.stdout.write(`Kubernetes is up at ${url} after ${(tookMs / 1_000).toFixed(1)} s

  export KUBECONFIG=${kubeconfig}
  kubectl get nodes          # or helm, or anything that speaks Kubernetes

Pods are simulated: ready at once, or faulty as their label sim/fault asks.
Ctrl-C or npm run cluster -- down stops it and keeps its data; -- wipe removes it.
Logs: ${join(folder, 'logs')}
`)
}

/** Settles when this process is asked to end: Ctrl-C, SIGTERM, a closed terminal. */
function untilAsked(): Promise<undefined> {
  return new Promise((settle) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => settle(undefined))
  })
}

interface UpRealOptions {
  folder: string
  /** Docker archives whose images pods can use. */
  images: string[]
}

/** Runs a cluster with real pods until SIGINT or SIGTERM, or until a component ends by itself: an error. */
export async function upReal({ folder: path, images }: UpRealOptions): Promise<void> {
  const folder = resolve(path)
  const asked = untilAsked()
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const owned = await own(folder)
  try {
    const cluster = await startRealCluster({ folder, log: say })
    const failure = await serve(cluster, { folder, images, asked }).finally(cluster.close)
    if (failure !== undefined) throw new Error(failure)
    say('The cluster is down; its data and images are kept.')
  } finally {
    await rm(join(folder, 'running.json'), { force: true })
    await owned.release()
  }
}

/** Removes what a killed cluster with real pods has left on the host; a running one is left alone. */
export async function clearReal(): Promise<void> {
  const hostLock = await lockHost().catch(() => undefined)
  await hostLock?.release()
}

interface Serving extends UpRealOptions {
  asked: Promise<undefined>
}

async function serve(cluster: RealCluster, { folder, images, asked }: Serving) {
  for (const image of images) {
    await cluster.importImage(image)
    say(`${image} is imported`)
  }
  const { url, kubeconfig, pids } = cluster
  await writeFile(join(folder, 'running.json'), JSON.stringify({ url, kubeconfig, pids }))
  say(`Kubernetes is up at ${url}

  export KUBECONFIG=${kubeconfig}
  kubectl get nodes          # or helm, or anything that speaks Kubernetes

Pods are real. Ctrl-C or npm run cluster -- --real down stops it and keeps its data; wipe removes it.
Logs: ${join(folder, 'logs')} and ${join(folder, 'node', 'logs')}`)
  return Promise.race([asked, cluster.failed])
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
