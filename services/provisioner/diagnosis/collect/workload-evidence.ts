import type { WarningEvidence, WorkloadEvidence } from '../evidence.ts'
import type { Workload } from './api-objects.ts'

interface Workloads {
  deployments: Workload[]
  statefulSets: Workload[]
  replicaSets: Workload[]
}

interface Said {
  warnings: WarningEvidence[]
  hide: (text: string) => string
}

/** What makes pods, and what the API server has against them. ReplicaSets of the past are left out. */
export function workloadEvidence(all: Workloads, said: Said): WorkloadEvidence[] {
  const replicaSets = all.replicaSets.filter(({ spec }) => spec.replicas > 0)
  return [
    ...all.statefulSets.map((each) => evidenceOf('StatefulSet', each, said)),
    ...all.deployments.map((each) => evidenceOf('Deployment', each, said)),
    ...replicaSets.map((each) => evidenceOf('ReplicaSet', each, said)),
  ]
}

function evidenceOf(
  kind: WorkloadEvidence['kind'],
  { metadata: { name, uid }, spec, status }: Workload,
  { warnings, hide }: Said,
): WorkloadEvidence {
  const failing = status.conditions.find((each) => each.type === 'ReplicaFailure')
  const condition = failing?.status === 'True' ? hide(failing.message) : undefined
  // A StatefulSet has no such condition, and its event may be of yesterday.
  const lacksPods = status.replicas < spec.replicas
  const warning = warnings.find((each) => each.uid === uid && each.reason === 'FailedCreate')
  return {
    kind,
    name,
    uid,
    wanted: spec.replicas,
    ready: status.readyReplicas,
    refusal: condition ?? (lacksPods ? warning?.message : undefined),
  }
}
