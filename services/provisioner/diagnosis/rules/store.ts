import type { Evidence, PvcEvidence } from '../evidence.ts'
import { refusals } from './helm.ts'
import * as act from './rule.ts'
import type { Rule, Seen } from './rule.ts'

/** A healthy PVC is bound in under a second. */
const PENDING_TOO_LONG_MS = 20_000
const NO_SUCH_CLASS = /storageclass\S* "[^"]*" not found/
const WAITED =
  /deadline exceeded|timed out waiting|not ready\. status|status: InProgress|would exceed context deadline|progress deadline/

/** Pods that were refused: only their owner reports them. */
export const refusalRules: readonly Rule[] = refusals.map(({ said, ...failure }) => ({
  ...failure,
  find: ({ evidence }) => {
    const refused = evidence.workloads.find(({ refusal = '' }) => said.test(refusal))
    return refused && `${refused.kind} ${refused.name}: ${refused.refusal}`
  },
}))

export const pvcRules: readonly Rule[] = [
  {
    reason: 'PVC_PENDING',
    retryable: false,
    nextAction: act.fixStorage,
    find: ({ evidence }) => pendingPvc(evidence, (said) => NO_SUCH_CLASS.test(said)),
  },
  {
    reason: 'PVC_PENDING',
    retryable: true,
    nextAction: act.fixStorage,
    find: ({ evidence }) =>
      pendingPvc(evidence, (said, { ageMs }) => said !== '' || ageMs > PENDING_TOO_LONG_MS),
  },
]

export const jobRules: readonly Rule[] = [
  {
    reason: 'JOB_FAILED',
    retryable: true,
    nextAction: act.readLog,
    find: ({ evidence: { jobs, logs } }) => {
      const job = jobs.find(({ failure, ofCronJob }) => failure !== undefined && !ofCronJob)
      if (job === undefined) return undefined
      const lines = logs.find(({ pod }) => pod.startsWith(`${job.name}-`))?.lines ?? []
      return `Job ${job.name}: ${job.failure}; ${lines.join(' | ')}`
    },
  },
]

export const timeoutRules: readonly Rule[] = [
  {
    reason: 'TIMEOUT',
    retryable: true,
    nextAction: act.seePods,
    find: (seen) =>
      seen.helm.reason === 'LIMIT' || WAITED.test(seen.helm.stderr) ? unready(seen) : undefined,
  },
]

function pendingPvc(
  { pvcs, warnings }: Evidence,
  counts: (said: string, pvc: PvcEvidence) => boolean,
): string | undefined {
  for (const pvc of pvcs.filter(({ phase }) => phase === 'Pending')) {
    const said = warnings.find(({ uid }) => uid === pvc.uid)?.message ?? ''
    if (counts(said, pvc))
      return `PVC ${pvc.name} has been pending for ${Math.round(pvc.ageMs / 1_000)} s: ${said}`
  }
  return undefined
}

/** The workloads that are not ready, and the last report about each. */
function unready({ evidence, stuck, helm }: Seen): string {
  const { workloads, warnings, logs, usedUp, gaps } = evidence
  const lacking = workloads
    .filter(({ kind, ready, wanted }) => kind !== 'ReplicaSet' && ready < wanted)
    .map(({ kind, name, ready, wanted }) => `${kind} ${name} has ${ready} of ${wanted} ready`)
  const said = stuck.flatMap((pod) => {
    const warning = warnings.find(({ uid }) => uid === pod.uid)
    const lines = logs.filter((log) => log.pod === pod.name).flatMap((log) => log.lines.slice(-3))
    return [
      ...(warning ? [`pod ${pod.name}: ${warning.reason}: ${warning.message}`] : []),
      ...(lines.length > 0 ? [`its last lines: ${lines.join(' | ')}`] : []),
    ]
  })
  const unread = gaps.length > 0 ? [`could not be read: ${gaps.join(', ')}`] : []
  const all = [...lacking, ...usedUp, ...said, ...unread]
  return all.length > 0 ? all.join('; ') : `helm: ${helm.stderr || 'reached its limit'}`
}
