import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { storeImages } from '../../../tools/cluster/images/store-images.ts'
import { startRealCluster, type RealCluster } from '../../../tools/cluster/real-node/start.ts'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { platformAccount } from '../cluster/platform-account.ts'
import { npmStart } from '../stack/npm-start.ts'
import { storeClient } from '../stack/store-client.ts'
import { clusterAccess } from './cluster/cluster-access.ts'
import { inPod } from './cluster/in-pod.ts'
import { keptFolder } from './cluster/kept-folder.ts'
import { openShop } from './shop.ts'
import { storeCharts } from './store-charts.ts'

/** A cluster whose pods are real, and the whole of Storewright beside it as processes of their own. */
export async function storeWorld(say: (line: string) => void) {
  await using building = new AsyncDisposableStack()
  const images = await storeImages(process.env)
  const references = Object.values(images).map(({ reference }) => reference)
  const folder = building.use(await keptFolder(process.env, references))
  const startedAt = performance.now()
  const logged: string[] = []
  const log = (line: string) => void logged.push(line)
  const cluster = building.use(await startRealCluster({ folder: folder.cluster, log }))
  const seconds = () => Math.round((performance.now() - startedAt) / 100) / 10
  say(`cluster after ${seconds()} s`)
  const imported: string[] = []
  for (const { reference, archive } of Object.values(images)) {
    if (await cluster.hasImage(reference)) continue
    await cluster.importImage(archive)
    imported.push(reference)
  }
  const importedAfter = seconds()
  say(`images in it after ${importedAfter} s, ${imported.length} of them imported now`)
  const access = clusterAccess(cluster.kubeconfig)
  const account = await platformAccount(access, folder.path, 'storewright')
  const charts = await storeCharts(folder.path, images)
  const { environment } = account
  const env = { ...environment, CHARTS_DIR: charts.path }
  const stack = building.use(await startStack(env, cluster, folder.path))
  say(`Storewright after ${seconds()} s`)
  const parts = building.move()
  const { api } = access
  return {
    folder: folder.path,
    cluster,
    clusterLog: logged,
    images,
    api,
    charts,
    stack,
    stores: storeClient(stack.url),
    /** Seconds from nothing to the images being in the cluster. */
    importedAfter,
    /** Whether all images had to be imported. */
    isCold: imported.length === Object.keys(images).length,
    shop: (release: string) => openShop({ api, dns: cluster.nodeIp, release }),
    inPod: (container: Parameters<typeof inPod>[1], command: string[]) =>
      inPod(cluster.kubeconfig, container, command),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}
export type StoreWorld = Awaited<ReturnType<typeof storeWorld>>

/** Its processes alone find the Services of the cluster by name, as in a pod; the host stays as it is. */
async function startStack(env: Record<string, string>, { nodeIp }: RealCluster, folder: string) {
  const names = join(folder, 'resolv.conf')
  await writeFile(names, `nameserver ${nodeIp}\nsearch cluster.local\noptions ndots:5\n`)
  const script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
  const by = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, names]
  const port = String(await freePort())
  return npmStart({ ...env, PORT: port, STOREWRIGHT_PROCESSES: 'separate' }, { by })
}
