import { expect, test } from 'vitest'
import { diagnose } from './diagnose.ts'
import { evidenceOf, waitingPod } from '#test/diagnosis/evidence-of'

const waited = 'Error: context deadline exceeded'

test.each<[stderr: string, reason: string, retryable: boolean]>([
  [
    'Error: create: failed to create: secrets "sh.helm.release.v1.s-x.v1" is forbidden: exceeded quota: q',
    'QUOTA_EXCEEDED',
    true,
  ],
  [
    'Error: query: failed to query with labels: secrets is forbidden: User "u" cannot list resource "secrets"',
    'ACCESS_DENIED',
    true,
  ],
  [
    'Error: Kubernetes cluster unreachable: the server has asked for the client to provide credentials',
    'CLUSTER_UNREACHABLE',
    true,
  ],
  [
    'Error: Get "https://10.0.0.1/version": dial tcp 10.0.0.1:443: connect: connection refused',
    'CLUSTER_UNREACHABLE',
    true,
  ],
  [
    'Error: resource PersistentVolumeClaim/s-x/data not ready. status: InProgress, message: PVC is not Bound. phase: Pending',
    'PVC_PENDING',
    true,
  ],
  [
    'Error: Unable to continue with install: Service "x" in namespace "s-x" exists and cannot be imported into the current release: invalid ownership metadata',
    'RELEASE_CONFLICT',
    false,
  ],
  [
    'Error: Apply failed with 1 conflict: conflict with "x" using apps/v1: .spec.paused',
    'RELEASE_CONFLICT',
    false,
  ],
  [
    'Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress',
    'HELM_PENDING',
    true,
  ],
  [
    'configmaps "x" is forbidden: unable to create new content in namespace s-x because it is being terminated',
    'HELM_PENDING',
    true,
  ],
  [
    'persistentvolumeclaims "data" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    'VOLUME_RESIZE_REFUSED',
    false,
  ],
  [
    'spec.resources.requests.storage: Forbidden: field can not be less than status.capacity',
    'VOLUME_RESIZE_REFUSED',
    false,
  ],
  [
    "Error: values don't meet the specifications of the schema(s) in the following chart(s)",
    'VALUES_INVALID',
    false,
  ],
  ['Error: parse error at (medusa/templates/x.yaml:3): unclosed action', 'CHART_INVALID', false],
  ['Error: unable to build kubernetes objects: no matches for kind "Shop"', 'CHART_INVALID', false],
  ['Error: .spec.replica: field not declared in schema', 'CHART_INVALID', false],
  ['Error: timed out waiting for the condition', 'TIMEOUT', true],
  ['Error: something new', 'HELM_FAILED', true],
  ['', 'HELM_FAILED', true],
])('helm that says %j is told apart', (stderr, reason, retryable) => {
  expect(diagnose(evidenceOf(), { stderr })).toMatchObject({ reason, retryable })
})

test('the line of helm that tells is shown, and not the warnings before it', () => {
  const stderr = 'W1123 unrecognized format\nError: parse error at (x.yaml:3): bad'
  expect(diagnose(evidenceOf(), { stderr }).detail).toBe(
    'helm: Error: parse error at (x.yaml:3): bad',
  )
})

test.each([
  ['NOT_STARTED', 'WORKER_LOST', true],
  ['STOPPED', 'WORKER_LOST', true],
  ['LEASE_EXPIRED', 'WORKER_LOST', true],
  ['PROVISIONER_GONE', 'WORKER_LOST', true],
  ['SUPERVISOR_LOST', 'WORKER_LOST', true],
  ['OUTPUT_TOO_LARGE', 'CHART_INVALID', false],
] as const)(
  'a helm that was ended with %s tells nothing about the store',
  (ended, reason, retryable) => {
    const evidence = evidenceOf({ pods: [waitingPod('ImagePullBackOff', 'not found')] })
    expect(diagnose(evidence, { stderr: waited, reason: ended })).toMatchObject({
      reason,
      retryable,
    })
  },
)

test('a helm that reached its limit is a timeout where nothing else is seen', () => {
  expect(diagnose(evidenceOf(), { stderr: '', reason: 'LIMIT' })).toMatchObject({
    reason: 'TIMEOUT',
    detail: 'helm: reached its limit',
  })
})
