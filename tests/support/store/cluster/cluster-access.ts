import { KubeConfig } from '@kubernetes/client-node'
import { apiClient } from '../../../../tools/cluster/control-plane/api-client.ts'

/** The API of the cluster that a kubeconfig names, as the user it names. */
export function clusterAccess(kubeconfig: string) {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const cluster = config.getCurrentCluster()
  const token = config.getCurrentUser()?.token
  if (cluster?.caData === undefined || token === undefined)
    throw new Error(`${kubeconfig} holds no certificate authority or no token`)
  const url = cluster.server
  const ca = Buffer.from(cluster.caData, 'base64').toString('utf8')
  return { url, ca, api: apiClient({ url, ca, token }) }
}
