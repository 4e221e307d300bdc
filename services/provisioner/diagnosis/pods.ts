import { printable } from '../redact.ts'
import type { ContainerStatus, Pod, Workload } from './api-objects.ts'
import type {
  ContainerEvidence,
  LogEvidence,
  PodEvidence,
  WarningEvidence,
  WorkloadEvidence,
} from './evidence.ts'
import type { Reader } from './reader.ts'

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

const CONTAINERS_MAX = 6
const LINES_MAX = 20
const BYTES_MAX = 16 * 1024
const LINE_CHARACTERS_MAX = 300

interface LogSource {
  reader: Reader
  namespace: string
  hide: (text: string) => string
  /** Without them no output of a program is shown, since it may hold secrets. */
  secretsKnown: boolean
}

/** The last lines of each unhealthy container that has run; of its previous run where there was one. */
export async function readLogs(pods: PodEvidence[], source: LogSource): Promise<LogEvidence[]> {
  const unwell = pods
    .filter((pod) => !pod.ending && !pod.ready && pod.phase !== 'Succeeded')
    .flatMap((pod) => pod.containers.filter(hasSpoken).map((container) => ({ pod, container })))
    .toSorted((a, b) => b.container.restarts - a.container.restarts)
    .slice(0, CONTAINERS_MAX)
  if (unwell.length > 0 && !source.secretsKnown) {
    source.reader.gaps.push('logs (not shown, since the secrets in them are not known)')
    return []
  }
  const logs = unwell.map(({ pod, container }) => readLog(pod.name, container, source))
  return (await Promise.all(logs)).filter(({ lines }) => lines.length > 0)
}

function hasSpoken({ state, exitCode, restarts }: ContainerEvidence): boolean {
  return restarts > 0 || state === 'running' || (state === 'terminated' && exitCode !== 0)
}

async function readLog(
  pod: string,
  { name: container, restarts, state }: ContainerEvidence,
  { reader, namespace, hide }: LogSource,
): Promise<LogEvidence> {
  const query = `container=${container}&tailLines=${LINES_MAX}&limitBytes=${BYTES_MAX}`
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/log?${query}`
  const ended = restarts > 0 && state !== 'terminated'
  try {
    const text = ended
      ? await reader.get(`${path}&previous=true`).catch(() => reader.get(path))
      : await reader.get(path)
    return { pod, container, lines: linesOf(String(text), hide) }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    reader.gaps.push(`log of ${pod}/${container} (${printable(why, LINE_CHARACTERS_MAX)})`)
    return { pod, container, lines: [] }
  }
}

function linesOf(text: string, hide: (text: string) => string): string[] {
  const wasCut = Buffer.byteLength(text) >= BYTES_MAX
  // The cut line may hold half of a secret, which would not be recognised.
  const whole = wasCut ? text.slice(0, text.lastIndexOf('\n') + 1) : text
  return hide(whole)
    .split('\n')
    .map((line) => printable(line, LINE_CHARACTERS_MAX))
    .filter((line) => line !== '')
}
