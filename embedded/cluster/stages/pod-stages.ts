import { faultOfPod } from './fault.ts'
import * as status from './pod-status.ts'
import { isBeingDeleted, isNotBeingDeleted, setStatus, stage, type Condition } from './stage.ts'

const { completed, containers, initContainers, podConditions, running } = status
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
${status.addresses}
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
