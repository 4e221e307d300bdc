import type { ContainerEvidence, PodEvidence } from '../evidence.ts'
import type { ContainerStatus, Pod } from './api-objects.ts'

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
