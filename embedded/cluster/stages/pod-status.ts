/** Go templates for parts of a pod's status; `.` is the pod. */

export const podConditions = (ready: boolean, initialized = true) => `
conditions:
${condition('Initialized', initialized, 'ContainersNotInitialized')}
${condition('Ready', ready, 'ContainersNotReady')}
${condition('ContainersReady', ready, 'ContainersNotReady')}`

/** One entry for each container, all in the same state. */
export const containers = (state: string, { ready = false, restarts = 0, last = '{}' } = {}) => `
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: ${ready}
  started: ${state.includes('running')}
  restartCount: ${restarts}
  state: ${state}
  lastState: ${last}
{{ end }}`

/** What runs before the containers, in `state`; a sidecar runs on. */
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

export const running = '{ running: { startedAt: {{ Now | Quote }} } }'
export const completed = terminated(0, 'Completed')

export function waiting(reason: string, message = ''): string {
  return `{ waiting: { reason: ${reason}, message: ${JSON.stringify(message)} } }`
}

export function terminated(exitCode: number, reason: string): string {
  const at = '{{ Now | Quote }}'
  return `{ terminated: { exitCode: ${exitCode}, reason: ${reason}, startedAt: ${at}, finishedAt: ${at} } }`
}

export const addresses = `
hostIP: 10.250.0.2
hostIPs: [{ ip: 10.250.0.2 }]
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
