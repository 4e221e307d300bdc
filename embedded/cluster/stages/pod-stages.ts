import { fault } from './fault.ts'
import {
  addresses,
  completed,
  containers,
  initContainers,
  podConditions,
  running,
} from './pod-status.ts'
import { isBeingDeleted, isNotBeingDeleted, setStatus, stage, type Condition } from './stage.ts'

/** A pod nobody has touched yet. */
export const isNew: Condition[] = [
  isNotBeingDeleted,
  { key: '.status.phase', operator: 'In', values: ['Pending'] },
  { key: '.status.containerStatuses', operator: 'DoesNotExist' },
]

/** A pod without a fault is ready at once, or after its annotation `sim/ready-after` (as `10s`). */
export const podStages = [
  stage({
    name: 'pod-ready',
    kind: 'Pod',
    when: [...isNew, { key: fault, operator: 'In', values: ['none'] }],
    delay: { from: '.metadata.annotations["sim/ready-after"]' },
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
      { key: '.status.phase', operator: 'In', values: ['Running'] },
      { key: '.metadata.ownerReferences.[].kind', operator: 'In', values: ['Job'] },
      { key: fault, operator: 'In', values: ['none'] },
    ],
    steps: [setStatus(`${containers(completed)}\nphase: Succeeded`)],
  }),
  stage({ name: 'pod-delete', kind: 'Pod', when: [isBeingDeleted], steps: [{ delete: true }] }),
]
