import { KubeConfig } from '@kubernetes/client-node'
import { apiClient, type Api } from '../../../tools/cluster/control-plane/api-client.ts'

/** Calls the API as the admin. */
export function adminOf({ kubeconfig }: { kubeconfig: string }): Api {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const { server = '', caData = '' } = config.getCurrentCluster() ?? {}
  const ca = Buffer.from(caData, 'base64').toString('utf8')
  return apiClient({ url: server, ca, token: config.getCurrentUser()?.token ?? '' })
}
