import { openApi } from '../../cluster/api/api.ts'
import { loadCredentials } from '../../cluster/api/connect.ts'
import type { FoundRelease } from './found-release.ts'
import { findNamespaces } from './namespaces.ts'

/** Finds the releases on the cluster the kubeconfig names. Throws CONFIG_INVALID when it names none. */
export function openCluster(kubeconfig: string | undefined): () => Promise<FoundRelease[]> {
  const api = openApi(loadCredentials(kubeconfig))
  return () => findNamespaces(api)
}
