import type { ContainerEvidence, Evidence, PodEvidence } from '../evidence.ts'
import * as act from './rule.ts'
import type { Rule, Seen } from './rule.ts'

const notPulled = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
])
/** Registry errors that do not go away by waiting. */
const forGood =
  /not found|not exist|manifest unknown|unauthori[sz]ed|denied|forbidden|InvalidImageName|invalid reference|couldn't parse image/i
const notStarted = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'PreCreateHookError',
])
const crashed = new Set([
  'CrashLoopBackOff',
  'RunContainerError',
  'StartError',
  'ContainerCannotRun',
])
/** What a PVC reports before its volume exists; every healthy install shows it for a moment. */
const UNBOUND = /unbound immediate PersistentVolumeClaims/

/** What keeps a pod from running, root causes before their consequences. */
export const imageRules: readonly Rule[] = [
  {
    reason: 'IMAGE_PULL',
    retryable: false,
    nextAction: act.fixImage,
    find: (seen) => imageProblem(seen, (said) => forGood.test(said)),
  },
  {
    reason: 'IMAGE_PULL',
    retryable: true,
    nextAction: act.fixImage,
    find: (seen) => imageProblem(seen, () => true),
  },
]

export const podRules: readonly Rule[] = [
  {
    reason: 'CONTAINER_CONFIG',
    retryable: false,
    nextAction: act.fixContainer,
    find: ({ stuck }) =>
      inContainers(stuck, ({ state, reason }) => state === 'waiting' && notStarted.has(reason)),
  },
  {
    reason: 'NOT_SCHEDULABLE',
    retryable: true,
    nextAction: act.addNodes,
    find: ({ stuck }) => {
      const pod = stuck.find(
        ({ unscheduled = '' }) => unscheduled !== '' && !UNBOUND.test(unscheduled),
      )
      return pod && `pod ${pod.name}: ${pod.unscheduled}`
    },
  },
]

export const crashRules: readonly Rule[] = [
  {
    reason: 'VOLUME_NOT_MOUNTED',
    retryable: true,
    nextAction: act.fixMount,
    find: ({ stuck, evidence }) => warned(stuck, evidence, ['FailedMount', 'FailedAttachVolume']),
  },
  {
    reason: 'CRASH_LOOP',
    retryable: false,
    nextAction: act.moreMemory,
    find: ({ stuck, evidence }) => crash(stuck, evidence, wasOutOfMemory),
  },
  {
    reason: 'CRASH_LOOP',
    retryable: true,
    nextAction: act.readLog,
    find: ({ stuck, evidence }) => crash(stuck, evidence, hasCrashed),
  },
]

function imageProblem({ stuck, evidence }: Seen, counts: (said: string) => boolean) {
  for (const pod of stuck)
    for (const { name, image, state, reason, message } of pod.containers) {
      if (state !== 'waiting' || !notPulled.has(reason)) continue
      // The state mostly says "Back-off"; the event has the cause.
      const event = evidence.warnings.find(
        (each) => each.uid === pod.uid && each.message.startsWith('Failed to pull image'),
      )
      const said = [message, event?.message].filter(Boolean).join('; ')
      if (counts(`${reason} ${said}`))
        return `pod ${pod.name}, container ${name}, image ${image}: ${reason}: ${said}`
    }
  return undefined
}

function wasOutOfMemory({ reason, last }: ContainerEvidence): boolean {
  return reason === 'OOMKilled' || last?.reason === 'OOMKilled'
}

function hasCrashed({ state, reason, exitCode, restarts }: ContainerEvidence): boolean {
  if (crashed.has(reason)) return true
  return state === 'terminated' && exitCode !== 0 && restarts > 0
}

function crash(
  stuck: PodEvidence[],
  { logs }: Evidence,
  counts: (container: ContainerEvidence) => boolean,
): string | undefined {
  for (const pod of stuck) {
    const container = pod.containers.find(counts)
    if (container === undefined) continue
    const { name, init, restarts, last, reason, message } = container
    const end = last ?? { exitCode: container.exitCode, reason, message }
    const how = `exit code ${end.exitCode ?? 'unknown'}${end.reason ? ` (${end.reason})` : ''}`
    const role = init ? 'set-up container' : 'container'
    const log = logs.find((each) => each.pod === pod.name && each.container === name)
    const said =
      log === undefined ? end.message || message : `its last lines: ${log.lines.join(' | ')}`
    return `pod ${pod.name}, ${role} ${name}: ${how}, ${restarts} restarts; ${said}`
  }
  return undefined
}

function inContainers(
  stuck: PodEvidence[],
  counts: (container: ContainerEvidence) => boolean,
): string | undefined {
  for (const pod of stuck) {
    const container = pod.containers.find(counts)
    if (container === undefined) continue
    const { name, reason, message } = container
    return `pod ${pod.name}, container ${name}: ${reason}: ${message}`
  }
  return undefined
}

function warned(
  stuck: PodEvidence[],
  { warnings }: Evidence,
  reasons: string[],
): string | undefined {
  // Mounting is over once a container has been started.
  const waiting = stuck.filter(({ containers }) =>
    containers.every(({ state, restarts }) => state === 'waiting' && restarts === 0),
  )
  const uids = new Set(waiting.filter(({ unscheduled }) => !unscheduled).map(({ uid }) => uid))
  const warning = warnings.find((each) => uids.has(each.uid) && reasons.includes(each.reason))
  return warning && `pod ${warning.name}: ${warning.reason}: ${warning.message}`
}
