import type { Licence, Target } from '../../reconcile/driver.ts'
import { labelled } from './release-labels.ts'

const HISTORY_MAX = 5
/** Of helm's absolute limit: helm gives up by itself first, and records it. */
const WAIT_SHARE = 8 / 9

export interface HelmFiles {
  kubeconfig: string
  values: string
}

/** `helm upgrade --install`; Helm 3.22 and 4 take the same. */
export function deployArgs(
  target: Target,
  licence: Licence,
  { files, limitMs }: { files: HelmFiles; limitMs: number },
): string[] {
  const common = commonArgs(target, files.kubeconfig)
  const labels = ['--labels', labelled(target, licence)]
  // Without both, helm would take over the values of the release before.
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
