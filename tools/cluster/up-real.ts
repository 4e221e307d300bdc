import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { lockHost } from './real-node/sandbox/host-lock.ts'
import { type RealCluster, startRealCluster } from './real-node/start.ts'
import { own } from './owner.ts'
import { untilAsked } from './up.ts'

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
