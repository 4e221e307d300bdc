import type { ReleaseLabels } from '../../reconcile/driver.ts'
import { type FoundRelease, isReleaseName } from './snapshot.ts'

const MANAGER = 'storewright'

/** Name and labels of a namespace or of one of helm's records. */
export interface LabelledObject {
  name: string
  /** Empty for a namespace. */
  namespace: string
  labels: Record<string, string>
  deletionTimestamp?: string | undefined
}

/** The releases that namespaces and helm's records show; releases of others are left out. */
export function releasesIn(
  namespaces: LabelledObject[],
  records: LabelledObject[],
): FoundRelease[] {
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
