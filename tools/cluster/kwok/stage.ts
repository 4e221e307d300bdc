/** When a stage applies to an object: a jq expression and its values. */
export interface Condition {
  key: string
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
  values?: string[]
}

interface Stage {
  name: string
  kind: 'Node' | 'Pod' | 'PersistentVolumeClaim' | 'PersistentVolume'
  when: Condition[]
  /** A jq expression for a duration such as `10s`; without a value there is no delay. */
  delayFrom?: string
  steps: object[]
}

/** A stage in kwok's own form. */
export function stage({ name, kind, when, delayFrom, steps }: Stage): object {
  const delay = { durationMilliseconds: 0, durationFrom: { jq: { expression: delayFrom } } }
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: {
      resourceRef: { apiGroup: 'v1', kind },
      selector: { matchExpressions: when.map((condition) => ({ jq: condition })) },
      ...(delayFrom !== undefined && { delay }),
      steps,
    },
  }
}

/** A step that replaces part of the object's status by the template's output. */
export function setStatus(template: string): object {
  return { patch: { subresource: 'status', root: 'status', template } }
}

/**
 * A step that records a warning about the pod as its kubelet would. kwok's own events know no
 * templates, and a kubelet names container and image in them; `$container` is the pod's first.
 */
export function warnOfPod(reason: string, message: string): object {
  const template = `
{{ $container := index .spec.containers 0 }}
apiVersion: v1
kind: Event
metadata:
  name: {{ printf "%s.%s" .metadata.name (sha256sum "${reason} ${message.length}" | trunc 12) | Quote }}
  namespace: {{ .metadata.namespace | Quote }}
involvedObject:
  apiVersion: v1
  kind: Pod
  name: {{ .metadata.name | Quote }}
  namespace: {{ .metadata.namespace | Quote }}
  uid: {{ .metadata.uid | Quote }}
type: Warning
reason: ${reason}
message: '${message}'
count: 3
firstTimestamp: {{ Now | Quote }}
lastTimestamp: {{ Now | Quote }}
source: { component: kubelet, host: {{ or .spec.nodeName "" | Quote }} }
reportingComponent: kubelet
reportingInstance: ""`
  return { apply: { template } }
}

export const isBeingDeleted: Condition = { key: '.metadata.deletionTimestamp', operator: 'Exists' }
export const isNotBeingDeleted: Condition = {
  key: '.metadata.deletionTimestamp',
  operator: 'DoesNotExist',
}

/** What a pod can be asked to do instead of getting ready. */
export const faults = [
  'crashloop',
  'oomkilled',
  'initcrash',
  'imagepull',
  'neverready',
  'jobfail',
] as const

export type Fault = (typeof faults)[number]

/**
 * The fault a pod asks for, as a jq expression: its label `sim/fault`, or the repository
 * sim.invalid/<fault> of an image among its containers; else `none`.
 */
export const faultOfPod = `
[
  .metadata.labels["sim/fault"],
  (.spec.containers[].image | select(startswith("sim.invalid/")) | split("/")[1] | split("[:@]"; null)[0])
] | map(select(. != null)) | first // "none"`
  .replaceAll(/\s+/g, ' ')
  .trim()
