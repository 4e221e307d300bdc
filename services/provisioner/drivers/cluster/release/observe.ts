import type { Failure } from '#domain'
import { collectEvidence } from '../../../diagnosis/collect.ts'
import { diagnose } from '../../../diagnosis/diagnose.ts'
import type { ReadOnlyClient } from '../../../diagnosis/reader.ts'
import type { Ended } from '../../../helm/run-supervised.ts'
import type {
  ClaimLease,
  ObservedRelease,
  ReleaseLabels,
  Target,
} from '../../../reconcile/driver.ts'
import { refused } from '../api/client.ts'
import { listMetadata, type Metadata } from '../api/objects.ts'
import type { Cluster } from '../context.ts'
import { unmanagedDetail, readNamespace } from '../namespace/namespace.ts'

/** The state of a store's release, read from helm's own records. */
export async function observe(cluster: Cluster, target: Target): Promise<ObservedRelease> {
  const namespace = await readNamespace(cluster.api, target)
  if (namespace === undefined) return { status: 'absent' }
  if (!namespace.isOurs) return { status: 'unmanaged', detail: unmanagedDetail(target) }
  if (namespace.isEnding)
    return { status: 'uninstalling', by: 'namespace', detail: namespace.remaining }
  const [newest] = await readRecords(cluster, target)
  return newest === undefined ? { status: 'prepared' } : statusOf(newest, target)
}

/** Helm's records of the release, the newest first. */
export async function readRecords(
  { api, withNamespaceAccess }: Cluster,
  target: Target,
): Promise<Metadata[]> {
  const collection = { kind: 'Secret', namespace: target.release } as const
  const query = {
    labelSelector: `owner=helm,name=${target.release}`,
    fieldSelector: 'type=helm.sh/release.v1',
  }
  const records = await withNamespaceAccess(target, () => listMetadata(api, collection, query))
  return records.toSorted((a, b) => versionOf(b) - versionOf(a))
}

function statusOf({ labels }: Metadata, target: Target): ObservedRelease {
  const made = releaseLabelsOf(labels, target)
  const { store } = made
  if (store !== target.request.storeId) {
    const owner = store === '' ? 'no store' : `store ${store}`
    return { status: 'unmanaged', detail: `The release ${target.release} belongs to ${owner}` }
  }
  const status = labels['status'] ?? ''
  switch (status) {
    case 'deployed':
      return { status: 'deployed', labels: made }
    case 'pending-install':
    case 'pending-upgrade':
    case 'pending-rollback':
      return { status: 'pending', labels: made }
    case 'uninstalling':
      return { status: 'uninstalling', by: 'release', detail: '' }
    default:
      return { status: 'failed', detail: `The release is ${status || 'of no known status'}` }
  }
}

const versionOf = ({ labels }: Metadata): number => Number(labels['version'] ?? 0)

const LABEL_LENGTH_MAX = 63

/** The labels helm writes on the release's record: its store, its attempt and what it is made from. */
export function labelled(target: Target, { attempt, claimId }: ClaimLease): string {
  const labels = {
    'cp.store': target.request.storeId,
    'cp.attempt': String(attempt),
    'cp.claim': claimId,
    'cp.values': short(target.values.digest),
    'cp.chart': short(target.chart.digest),
  }
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',')
}

/** The labels of a record, with whole digests where they are the wanted ones. */
export function releaseLabelsOf(labels: Record<string, string>, target: Target): ReleaseLabels {
  const { 'cp.store': store = '', 'cp.attempt': attempt, 'cp.claim': claim = '' } = labels
  const { 'cp.values': values = '', 'cp.chart': chart = '' } = labels
  return {
    store,
    attempt: Number(attempt ?? 0),
    claim,
    values: whole(values, target.values.digest),
    chart: whole(chart, target.chart.digest),
  }
}

// A label holds one character less than a SHA-256.
const short = (digest: string): string => digest.slice(0, LABEL_LENGTH_MAX)
const whole = (label: string, digest: string): string => (label === short(digest) ? digest : label)

/** Why a run of helm did not make the store ready, as its namespace shows. Never rejects. */
export async function diagnoseRelease(
  { api, withNamespaceAccess }: Cluster,
  { target, ended, signal }: { target: Target; ended: Ended; signal: AbortSignal },
): Promise<Failure> {
  const client: ReadOnlyClient = {
    get: (path, limit) =>
      withNamespaceAccess(target, async () => {
        const answer = await api(path, { signal: limit })
        if (answer.status !== 200) throw refused(`GET ${path.split('?')[0]}`, answer)
        return answer.body
      }),
  }
  return diagnose(await collectEvidence(client, target.release, signal), ended)
}
