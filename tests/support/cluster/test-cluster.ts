import { join } from 'node:path'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { clusterPrograms } from '../../../tools/cluster/binaries/programs.ts'
import { apiClient } from '../../../tools/cluster/control-plane/api-client.ts'
import { startCluster, writePodLog } from '../../../tools/cluster/control-plane/start.ts'
import { tempFolder } from '../temp-folder.ts'
import { testNamespace } from './test-namespace.ts'

/** A real Kubernetes API of its own on free ports, gone at the end of the test with all it holds. */
export async function testCluster() {
  const programs = await clusterPrograms(process.env)
  const temp = await tempFolder('storewright-cluster-')
  const folder = join(temp.path, 'cluster')
  const apiPort = await freePort()
  const start = () => startCluster({ folder, programs, apiPort, durable: false })
  let cluster = await start().catch(async (error: unknown) => {
    await temp[Symbol.asyncDispose]()
    throw error
  })
  const { url, ca, tokens, kubeconfig } = cluster
  let died: string | undefined
  const watch = ({ failed }: typeof cluster) => {
    let isWanted = false
    const note = async () => {
      const how = await failed
      if (!isWanted) died = how
    }
    void note()
    return () => (isWanted = true)
  }
  let expectEnd = watch(cluster)
  const stop = async () => {
    expectEnd()
    await cluster.stop()
    // Nothing that was seen after it is worth anything.
    if (died !== undefined) throw new Error(`A part of the cluster has died: ${died}`)
  }
  const api = apiClient({ url, ca, token: tokens.admin })
  return {
    url,
    /** PEM. */
    ca,
    /** The admin's. */
    kubeconfig,
    adminToken: tokens.admin,
    /** Its components by name: etcd, the API server and so on. */
    pids: () => cluster.pids,
    /** Of a user the API server knows and who may do nothing. */
    restrictedToken: tokens.restricted,
    /** Calls the API, as the admin unless `init.token` is another's. */
    api,
    /** Makes a namespace of its own, ready to take pods; returns its name. */
    namespace: async (labels?: Record<string, string>) => (await testNamespace(api, labels)).name,
    /** What every container of every pod has logged from now on. */
    setPodLog: (lines: string[]) => writePodLog(folder, lines),
    /** Stops it; its data stays. */
    down: stop,
    /** Starts it again on the same port and data. */
    up: async () => {
      cluster = await start()
      expectEnd = watch(cluster)
    },
    async [Symbol.asyncDispose]() {
      await stop().finally(() => temp[Symbol.asyncDispose]())
    },
  }
}
