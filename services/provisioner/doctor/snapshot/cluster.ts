import { z } from 'zod'
import { type Api, openApi, refused } from '../../drivers/cluster/api/client.ts'
import { loadCredentials } from '../../drivers/cluster/api/credentials.ts'
import type { ReleaseLabels } from '../../reconcile/driver.ts'
import { type FoundRelease, isReleaseName } from './snapshot.ts'

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

const MANAGER = 'storewright'

/** Name and labels of a namespace or of one of helm's records. */
interface LabelledObject {
  name: string
  /** Empty for a namespace. */
  namespace: string
  labels: Record<string, string>
  deletionTimestamp?: string | undefined
}

/** The releases that namespaces and helm's records show; releases of others are left out. */
function releasesIn(namespaces: LabelledObject[], records: LabelledObject[]): FoundRelease[] {
  const newest = newestOf(records)
  const inNamespaces = namespaces
    .filter(({ name, labels }) => storeOf(labels) !== undefined || isReleaseName(name))
    .map((namespace) => {
      const own = keyOf(namespace.name, namespace.name)
      const record = newest.get(own)
      newest.delete(own)
      return atNamespace(namespace, record)
    })
  return [...inNamespaces, ...[...newest.values()].flatMap(apart)]
}

/** The store a namespace was made for. */
function storeOf(labels: Record<string, string>): string | undefined {
  const isOurs = labels['app.kubernetes.io/managed-by'] === MANAGER
  return isOurs ? labels['storewright.dev/store'] : undefined
}

function newestOf(records: LabelledObject[]): Map<string, LabelledObject> {
  const newest = new Map<string, LabelledObject>()
  for (const record of records) {
    const key = keyOf(record.namespace, record.labels['name'] ?? '')
    const other = newest.get(key)
    if (other === undefined || versionOf(other) < versionOf(record)) newest.set(key, record)
  }
  return newest
}

function atNamespace(namespace: LabelledObject, record: LabelledObject | undefined): FoundRelease {
  const store = storeOf(namespace.labels)
  const recorded = record?.labels['cp.store'] ?? ''
  const named = { location: namespace.name, name: namespace.name }
  const unmanaged = (detail: string, owner: string | undefined): FoundRelease => ({
    ...named,
    store: owner,
    observed: { status: 'unmanaged', detail },
  })
  if (store === undefined)
    return unmanaged('the namespace is not labelled as made for a store', recorded || undefined)
  if (namespace.deletionTimestamp !== undefined) {
    const detail = `its namespace has been on its way out since ${namespace.deletionTimestamp}`
    return { ...named, store, observed: { status: 'uninstalling', by: 'namespace', detail } }
  }
  if (record === undefined) return { ...named, store, observed: { status: 'prepared' } }
  if (recorded === store) return { ...named, store, observed: observedOf(record.labels) }
  const owner = recorded === '' ? 'no store' : `store ${recorded}`
  return unmanaged(`helm's record names ${owner}, the namespace store ${store}`, recorded || store)
}

// A release with our labels where none should be.
function apart({ namespace, labels }: LabelledObject): FoundRelease[] {
  const { 'cp.store': store, name = '' } = labels
  return store === undefined
    ? []
    : [{ location: namespace, name, store, observed: observedOf(labels) }]
}

function observedOf(labels: Record<string, string>): FoundRelease['observed'] {
  const { status = '' } = labels
  if (status === 'deployed') return { status, labels: madeFrom(labels) }
  if (status.startsWith('pending-')) return { status: 'pending', labels: madeFrom(labels) }
  const detail = `helm's record says ${status || 'no status'}`
  if (status === 'uninstalling') return { status, by: 'release', detail }
  return { status: 'failed', detail }
}

function madeFrom(labels: Record<string, string>): ReleaseLabels {
  const { 'cp.store': store = '', 'cp.attempt': attempt = '0', 'cp.claim': claim = '' } = labels
  const { 'cp.values': values = '', 'cp.chart': chart = '' } = labels
  return { store, attempt: Number(attempt), claim, values, chart }
}

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`
const versionOf = ({ labels }: LabelledObject): number => Number(labels['version'] ?? 0)
