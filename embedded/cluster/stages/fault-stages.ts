import { fault } from './fault.ts'
import { isNew } from './pod-stages.ts'
import {
  addresses,
  completed,
  containers,
  initContainers,
  podConditions,
  running,
  terminated,
  waiting,
} from './pod-status.ts'
import { setStatus, stage } from './stage.ts'

const backOff = 'back-off 40s restarting failed container'
const crashed = waiting('CrashLoopBackOff', backOff)

/** What a kubelet reports of pods that do not get ready; in the words it uses. */
export const faultStages = [
  faulty('crashloop', crashing(terminated(1, 'Error')), [
    warning('BackOff', 'Back-off restarting failed container {{ $container.name }}'),
  ]),
  faulty('oomkilled', crashing(terminated(137, 'OOMKilled')), [
    warning('BackOff', 'Back-off restarting failed container {{ $container.name }}'),
  ]),
  faulty(
    'initcrash',
    `
${podConditions(false, false)}
${initContainers(crashed, { restarts: 3, last: terminated(1, 'Error') })}
${containers(waiting('PodInitializing'))}
phase: Pending`,
    [warning('BackOff', 'Back-off restarting failed container')],
  ),
  faulty(
    'imagepull',
    `
${podConditions(false)}
${initContainers(completed)}
${containers(waiting('ImagePullBackOff', 'Back-off pulling image'))}
phase: Pending`,
    [
      warning('Failed', 'Failed to pull image \\"{{ $container.image }}\\": not found'),
      warning('Failed', 'Error: ImagePullBackOff'),
    ],
  ),
  faulty(
    'neverready',
    `
${podConditions(false)}
${initContainers(completed)}
${containers(running)}
phase: Running`,
    [warning('Unhealthy', 'Readiness probe failed: HTTP probe failed with statuscode: 503')],
  ),
  faulty(
    'jobfail',
    `
${podConditions(false)}
${initContainers(completed)}
${containers(terminated(1, 'Error'))}
phase: Failed`,
    [],
  ),
]

function crashing(last: string): string {
  return `
${podConditions(false)}
${initContainers(completed)}
${containers(crashed, { restarts: 3, last })}
phase: Running`
}

function faulty(name: string, status: string, events: string[]): object {
  return stage({
    name: `pod-${name}`,
    kind: 'Pod',
    when: [...isNew, { key: fault, operator: 'In', values: [name] }],
    steps: [setStatus(`${status}\n${addresses}`), ...events.map(asEvent)],
  })
}

function warning(reason: string, message: string): string {
  return `reason: ${reason}\nmessage: "${message}"`
}

// kwok's own events know no templates, and a kubelet names container and image in them.
function asEvent(text: string, index: number): object {
  const template = `
{{ $container := index .spec.containers 0 }}
apiVersion: v1
kind: Event
metadata:
  name: {{ printf "%s.${index}" .metadata.name | Quote }}
  namespace: {{ .metadata.namespace | Quote }}
involvedObject:
  apiVersion: v1
  kind: Pod
  name: {{ .metadata.name | Quote }}
  namespace: {{ .metadata.namespace | Quote }}
  uid: {{ .metadata.uid | Quote }}
type: Warning
${text}
count: 3
firstTimestamp: {{ Now | Quote }}
lastTimestamp: {{ Now | Quote }}
source: { component: kubelet, host: {{ .spec.nodeName | Quote }} }
reportingComponent: kubelet
reportingInstance: ""`
  return { apply: { template } }
}
