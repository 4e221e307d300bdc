/** What an object has to be like for a stage to take hold of it: a jq expression and its values. */
export interface Condition {
  key: string
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
  values?: string[]
}

interface Stage {
  name: string
  kind: 'Node' | 'Pod' | 'PersistentVolumeClaim' | 'PersistentVolume'
  when: Condition[]
  /** Milliseconds, or a jq expression for a duration such as `10s`. */
  delay?: { ms?: number; from?: string }
  steps: object[]
}

/** A stage in kwok's own form. */
export function stage({ name, kind, when, delay, steps }: Stage): object {
  const durationFrom = delay?.from === undefined ? {} : { durationFrom: { jq: jq(delay.from) } }
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: {
      resourceRef: { apiGroup: 'v1', kind },
      selector: { matchExpressions: when.map((condition) => ({ jq: condition })) },
      ...(delay && { delay: { durationMilliseconds: delay.ms ?? 0, ...durationFrom } }),
      steps,
    },
  }
}

/** Replaces part of the object's status by what the template gives. */
export function setStatus(template: string): object {
  return { patch: { subresource: 'status', root: 'status', template } }
}

export const isBeingDeleted: Condition = { key: '.metadata.deletionTimestamp', operator: 'Exists' }
export const isNotBeingDeleted: Condition = {
  key: '.metadata.deletionTimestamp',
  operator: 'DoesNotExist',
}

function jq(expression: string): object {
  return { expression }
}
