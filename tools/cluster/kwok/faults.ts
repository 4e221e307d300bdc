import * as status from './pods.ts'
import { isNew, isOfJob } from './pods.ts'
import {
  type Condition,
  type Fault,
  faultOfPod,
  faults,
  setStatus,
  stage,
  warnOfPod,
} from './stage.ts'

const { completed, containers, initContainers, podConditions, running, terminated } = status
const pod = '{{ $.metadata.name }}_{{ $.metadata.namespace }}({{ $.metadata.uid }})'
const crashed = status.waiting(
  'CrashLoopBackOff',
  `back-off 40s restarting failed container={{ .name }} pod=${pod}`,
)
const notPulled = status.waiting(
  'ImagePullBackOff',
  'Back-off pulling image "{{ .image }}": ErrImagePull: not found',
)
const backOff = warnOfPod(
  'BackOff',
  `Back-off restarting failed container {{ $container.name }} in pod ${pod}`,
)
const probeFailed = warnOfPod(
  'Unhealthy',
  'Readiness probe failed: HTTP probe failed with statuscode: 503',
)

/** What a kubelet reports about pods that do not get ready, in its own words. */
export const faultStages = [
  faulty('crashloop', crashing(terminated(1, 'Error')), [backOff]),
  faulty('oomkilled', crashing(terminated(137, 'OOMKilled')), [backOff]),
  faulty(
    'initcrash',
    `
${podConditions(false, false)}
${initContainers(crashed, { restarts: 3, last: terminated(1, 'Error') })}
${containers(status.waiting('PodInitializing'))}
phase: Pending`,
    [backOff],
  ),
  faulty('imagepull', initialized(containers(notPulled), 'Pending'), [
    warnOfPod('Failed', 'Failed to pull image "{{ $container.image }}": not found'),
    warnOfPod('Failed', 'Error: ErrImagePull'),
  ]),
  faulty('neverready', initialized(containers(running), 'Running'), [probeFailed]),
  // Any other owner would replace the failed pod for ever.
  faulty('jobfail', initialized(containers(terminated(1, 'Error')), 'Failed'), [], [isOfJob]),
  stage({
    name: 'pod-unknown-fault',
    kind: 'Pod',
    when: [...isNew, { key: faultOfPod, operator: 'NotIn', values: ['none', ...faults] }],
    steps: [warnOfPod('UnknownFault', `sim/fault takes ${faults.join(', ')}`)],
  }),
]

function faulty(fault: Fault, template: string, events: object[], when: Condition[] = []): object {
  return stage({
    name: `pod-${fault}`,
    kind: 'Pod',
    when: [...isNew, { key: faultOfPod, operator: 'In', values: [fault] }, ...when],
    steps: [setStatus(`${template}\n${status.addresses}`), ...events],
  })
}

function crashing(last: string): string {
  return initialized(containers(crashed, { restarts: 3, last }), 'Running')
}

function initialized(containerStatuses: string, phase: string): string {
  return `${podConditions(false)}\n${initContainers(completed)}\n${containerStatuses}\nphase: ${phase}`
}
