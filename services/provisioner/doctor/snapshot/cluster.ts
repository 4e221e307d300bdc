import { z } from 'zod'
import { type Api, openApi, refused } from '../../drivers/cluster/api/client.ts'
import { loadCredentials } from '../../drivers/cluster/api/credentials.ts'
import { type LabelledObject, releasesIn } from './helm-records.ts'
import type { FoundRelease } from './snapshot.ts'

const PAGE = 500
const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'

const page = z.object({
  metadata: z.object({ continue: z.string().default('') }),
  items: z
    .array(
      z.object({
        metadata: z.object({
          name: z.string(),
          namespace: z.string().default(''),
          labels: z.record(z.string(), z.string()).default({}),
          deletionTimestamp: z.string().optional(),
        }),
      }),
    )
    .nullable(),
})

/**
 * The releases on a cluster, driver cluster, from names and labels alone. Needs the right to list namespaces and
 * Secrets in the whole cluster, and changes nothing. Throws CLUSTER_UNREACHABLE, CLUSTER_REFUSED.
 */
export async function findNamespaces(api: Api): Promise<FoundRelease[]> {
  // Records first: a namespace created in between then has no release, and its store has moved.
  const records = await list(api, '/api/v1/secrets', {
    labelSelector: 'owner=helm',
    fieldSelector: 'type=helm.sh/release.v1',
  })
  return releasesIn(await list(api, '/api/v1/namespaces'), records)
}

async function list(
  api: Api,
  path: string,
  query: Record<string, string> = {},
): Promise<LabelledObject[]> {
  const objects: LabelledObject[] = []
  let next = ''
  do {
    const paged = { ...query, limit: String(PAGE), ...(next !== '' && { continue: next }) }
    const answer = await api(path, { accept: METADATA_ONLY, query: paged })
    if (answer.status !== 200) throw refused(`GET ${path}`, answer)
    const { items, metadata } = page.parse(answer.body)
    for (const item of items ?? []) objects.push(item.metadata)
    next = metadata.continue
  } while (next !== '')
  return objects
}

/** Finds the releases on the cluster the kubeconfig names. Throws CONFIG_INVALID when it names none. */
export function openCluster(kubeconfig: string | undefined): () => Promise<FoundRelease[]> {
  const api = openApi(loadCredentials(kubeconfig))
  return () => findNamespaces(api)
}
