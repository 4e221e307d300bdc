import {
  type Condition,
  faultOfPod,
  isBeingDeleted,
  isNotBeingDeleted,
  setStatus,
  stage,
} from './stage.ts'

/** Go templates for parts of a pod's status; `.` is the pod. */

export const running = '{ running: { startedAt: {{ Now | Quote }} } }'
export const completed = terminated(0, 'Completed')

export function terminated(exitCode: number, reason: string): string {
  const times = 'startedAt: {{ Now | Quote }}, finishedAt: {{ Now | Quote }}'
  return `{ terminated: { exitCode: ${exitCode}, reason: ${reason}, ${times} } }`
}

export function waiting(reason: string, message = ''): string {
  return `{ waiting: { reason: ${reason}, message: '${message}' } }`
}

export const podConditions = (ready: boolean, initialized = true) => `
conditions:
${condition('Initialized', initialized, 'ContainersNotInitialized')}
${condition('Ready', ready, 'ContainersNotReady')}
${condition('ContainersReady', ready, 'ContainersNotReady')}`

/** One entry for each container, all in the same state; in it `.` is the container, `$` the pod. */
export const containers = (state: string, { ready = false, restarts = 0, last = '{}' } = {}) => `
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: ${ready}
  started: ${state === running}
  restartCount: ${restarts}
  state: ${state}
  lastState: ${last}
{{ end }}`

/** The init containers, in `state`; a sidecar keeps running. */
export const initContainers = (state: string, { restarts = 0, last = '{}' } = {}) => `
{{ with .spec.initContainers }}
initContainerStatuses:
{{ range . }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  restartCount: ${restarts}
  lastState: ${last}
  {{ if eq (or .restartPolicy "") "Always" }}
  ready: true
  started: true
  state: ${running}
  {{ else }}
  ready: ${state === completed}
  state: ${state}
  {{ end }}
{{ end }}
{{ end }}`

export const addresses = `
hostIP: 127.0.0.1
hostIPs: [{ ip: 127.0.0.1 }]
{{ with PodIPsWith .spec.nodeName (or .spec.hostNetwork false) .metadata.uid .metadata.name .metadata.namespace }}
podIP: {{ index . 0 | Quote }}
podIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
startTime: {{ Now | Quote }}`

function condition(type: string, holds: boolean, reason: string): string {
  const why = holds ? '' : `reason: ${reason}, `
  return `- { type: ${type}, status: "${holds ? 'True' : 'False'}", ${why}lastTransitionTime: {{ Now | Quote }} }`
}

const isFaultless: Condition = { key: faultOfPod, operator: 'In', values: ['none'] }

/** A pod nobody has touched yet. */
export const isNew: Condition[] = [
  isNotBeingDeleted,
  { key: '.status.phase', operator: 'In', values: ['Pending'] },
  { key: '.status.containerStatuses', operator: 'DoesNotExist' },
]

export const isOfJob: Condition = {
  key: '.metadata.ownerReferences.[].kind',
  operator: 'In',
  values: ['Job'],
}

/** A pod without a fault is ready at once, or after its annotation `sim/ready-after` (as `10s`). */
export const podStages = [
  stage({
    name: 'pod-ready',
    kind: 'Pod',
    when: [...isNew, isFaultless],
    delayFrom: '.metadata.annotations["sim/ready-after"]',
    steps: [
      setStatus(`
${podConditions(true)}
${initContainers(completed)}
${containers(running, { ready: true })}
${addresses}
phase: Running`),
    ],
  }),
  stage({
    name: 'job-complete',
    kind: 'Pod',
    when: [
      isNotBeingDeleted,
      isOfJob,
      isFaultless,
      { key: '.status.phase', operator: 'In', values: ['Running'] },
    ],
    steps: [setStatus(`${podConditions(false)}\n${containers(completed)}\nphase: Succeeded`)],
  }),
  stage({ name: 'pod-delete', kind: 'Pod', when: [isBeingDeleted], steps: [{ delete: true }] }),
]
