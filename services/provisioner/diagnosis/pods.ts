import type { ContainerStatus, Pod, Workload } from './api-objects.ts'
import type {
  ContainerEvidence,
  PodEvidence,
  WarningEvidence,
  WorkloadEvidence,
} from './evidence.ts'

/** What a pod's own status says. */
export function podEvidence(
  { metadata, status }: Pod,
  hide: (text: string) => string,
): PodEvidence {
  const { name, uid, deletionTimestamp, ownerReferences } = metadata
  const owner = ownerReferences.find(({ controller }) => controller) ?? ownerReferences[0]
  const holds = (type: string) => status.conditions.find((each) => each.type === type)
  const scheduled = holds('PodScheduled')
  const of = (init: boolean) => (each: ContainerStatus) => containerEvidence(each, init, hide)
  return {
    name,
    uid,
    owner: owner && { kind: owner.kind, name: owner.name },
    phase: status.phase,
    ready: holds('Ready')?.status === 'True',
    ending: deletionTimestamp !== undefined,
    unscheduled: scheduled?.status === 'False' ? hide(scheduled.message) : undefined,
    containers: [
      ...status.initContainerStatuses.map(of(true)),
      ...status.containerStatuses.map(of(false)),
    ],
  }
}

function containerEvidence(
  { name, image, restartCount: restarts, state, lastState }: ContainerStatus,
  init: boolean,
  hide: (text: string) => string,
): ContainerEvidence {
  const { waiting, running, terminated } = state
  const last = lastState.terminated
  const { reason = '', message = '' } = waiting ?? terminated ?? {}
  return {
    name,
    image,
    init,
    restarts,
    state: waiting ? 'waiting' : terminated ? 'terminated' : running ? 'running' : 'unknown',
    reason,
    message: hide(message),
    exitCode: terminated?.exitCode,
    last: last && { ...last, message: hide(last.message) },
  }
}

interface Workloads {
  deployments: Workload[]
  statefulSets: Workload[]
  replicaSets: Workload[]
}

interface Said {
  warnings: WarningEvidence[]
  hide: (text: string) => string
}

/** Workloads, and how the API server refused their pods. Old ReplicaSets are left out. */
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
  // A StatefulSet has no such condition, and its event may be old.
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
