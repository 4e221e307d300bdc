import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '#domain'
import { readChart } from '../../../chart.ts'
import type { Ended } from '../../../helm/run-supervised.ts'
import type { ClaimLease, Target } from '../../../reconcile/driver.ts'
import type { Cluster } from '../context.ts'
import { withClaimSecret } from '../fence.ts'
import { planLimits, raiseLimits, settleLimits } from '../namespace/apply-limits.ts'
import { prepare } from '../namespace/prepare.ts'
import { type Metadata, patchMetadata, removeObject } from '../api/objects.ts'
import { labelled, readRecords } from './observe.ts'

/** Brings the release to the target by one run of helm in a prepared namespace. */
export async function deploy(cluster: Cluster, target: Target, lease: ClaimLease): Promise<Ended> {
  const { helm, helmLimitMs: limitMs, chartsDir, plansDir } = cluster
  const plan = await planLimits(plansDir, target.request)
  await prepare(cluster, target, lease)
  const raised = await raiseLimits(cluster, { target, lease, plan })
  const ended = await withClaimSecret(cluster, { target, lease }, async (folder, kubeconfig) => {
    const values = join(folder, 'values.yaml')
    await writeFile(values, target.values.yaml, { mode: 0o600, flag: 'wx' })
    const args = deployArgs(target, lease, { files: { kubeconfig, values }, limitMs })
    return helm.run(args, join(folder, 'stdout'), lease)
  })
  if (raised && ended.code === 0) await settleLimits(cluster, { target, lease, plan })
  const { digest } = await readChart(chartsDir, target.request.engine)
  if (digest === target.chart.digest) return ended
  throw new AppError('CHART_INVALID', 'The chart changed while it was used', { retryable: true })
}

const HISTORY_MAX = 5
/** Share of helm's absolute limit: helm gives up first and records it. */
const WAIT_SHARE = 8 / 9

interface HelmFiles {
  kubeconfig: string
  values: string
}

/** `helm upgrade --install`; Helm 3.22 and 4 take the same. */
export function deployArgs(
  target: Target,
  lease: ClaimLease,
  { files, limitMs }: { files: HelmFiles; limitMs: number },
): string[] {
  const common = commonArgs(target, files.kubeconfig)
  const labels = ['--labels', labelled(target, lease)]
  // Without both, helm would reuse the values of the previous release.
  const values = ['--values', files.values, '--reset-values']
  const waiting = ['--wait', '--timeout', timeout(limitMs)]
  const thrift = ['--history-max', String(HISTORY_MAX), '--disable-openapi-validation']
  const what = ['--', target.release, target.chart.path]
  return ['upgrade', '--install', ...common, ...labels, ...values, ...waiting, ...thrift, ...what]
}

/** `helm uninstall`. */
export function uninstallArgs(target: Target, kubeconfig: string, limitMs: number): string[] {
  const common = commonArgs(target, kubeconfig)
  return ['uninstall', ...common, '--timeout', timeout(limitMs), '--', target.release]
}

function commonArgs({ release }: Target, kubeconfig: string): string[] {
  return ['--namespace', release, '--kubeconfig', kubeconfig]
}

const timeout = (limitMs: number): string =>
  `${Math.max(1, Math.floor((limitMs * WAIT_SHARE) / 1_000))}s`

/**
 * Removes the record of a run of helm that was cut off, if it is unchanged since it was read. The run may
 * have changed objects already: the record below it no longer matches them, and is invalidated first.
 */
export async function unlock(cluster: Cluster, target: Target, lease: ClaimLease): Promise<void> {
  const [newest, ...older] = await readRecords(cluster, target)
  if (newest === undefined || !newest.labels['status']?.startsWith('pending-')) return
  if (newest.labels['cp.store'] !== target.request.storeId) return
  // After the records were read: what is removed below existed while the claim was current.
  await lease.confirm()
  for (const record of older)
    if (record.labels['status'] === 'deployed') await invalidate(cluster, target, record)
  const { uid, resourceVersion } = newest
  await removeObject(cluster.api, secretOf(target, newest), { uid, resourceVersion })
}

/** Changes the label of a deployed record by which it would be adopted. */
async function invalidate({ api }: Cluster, target: Target, record: Metadata): Promise<void> {
  const { resourceVersion } = record
  await patchMetadata(api, secretOf(target, record), {
    resourceVersion,
    labels: { 'cp.values': 'overtaken' },
  })
}

const secretOf = ({ release }: Target, { name }: Metadata) =>
  ({ kind: 'Secret', namespace: release, name }) as const
