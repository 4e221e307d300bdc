import { expect, test } from 'vitest'
import { diagnose } from './diagnose.ts'
import type { Evidence } from './evidence.ts'
import {
  containerOf,
  crashed,
  evidenceOf,
  pending,
  podOf,
  refusedWith,
  unbound,
  waitingPod,
  warningOf,
  workloadOf,
} from '#test/diagnosis/evidence-of'

const waited = 'Error: context deadline exceeded'
const late = { stderr: waited }
type Case = [name: string, evidence: Evidence, reason: string, retryable: boolean, detail?: string]

test.each<Case>([
  [
    'an image a registry does not have',
    evidenceOf({ pods: [waitingPod('ImagePullBackOff', 'Back-off: ErrImagePull: not found')] }),
    'IMAGE_PULL',
    false,
    'pod shop-1, container shop, image shop:1: ImagePullBackOff: Back-off: ErrImagePull: not found',
  ],
  [
    'an image whose cause stands in the event only',
    evidenceOf({
      pods: [waitingPod('ImagePullBackOff', 'Back-off pulling image "shop:1"')],
      warnings: [warningOf('pod-1', 'Failed', 'Failed to pull image "shop:1": unauthorized')],
    }),
    'IMAGE_PULL',
    false,
    'pod shop-1, container shop, image shop:1: ImagePullBackOff: Back-off pulling image "shop:1"; Failed to pull image "shop:1": unauthorized',
  ],
  [
    'a registry that is out of reach',
    evidenceOf({ pods: [waitingPod('ErrImagePull', 'dial tcp 10.0.0.1:443: i/o timeout')] }),
    'IMAGE_PULL',
    true,
  ],
  [
    'a quota that is used up',
    refusedWith(
      'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0',
    ),
    'QUOTA_EXCEEDED',
    true,
    'Deployment shop: pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0',
  ],
  [
    'a quota of what the pod does not say',
    refusedWith(
      'is forbidden: failed quota: q: must specify limits.memory for: x; requests.memory for: x',
    ),
    'QUOTA_EXCEEDED',
    false,
  ],
  [
    'a pod larger than the limits of its plan',
    refusedWith('is forbidden: maximum memory usage per Container is 768Mi, but limit is 1Gi'),
    'QUOTA_EXCEEDED',
    false,
  ],
  [
    'a pod the policy refuses',
    refusedWith(
      'is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (…)',
    ),
    'ADMISSION_DENIED',
    false,
  ],
  [
    'a webhook that refuses',
    refusedWith('admission webhook "policy.example" denied the request: no owner label'),
    'ADMISSION_DENIED',
    false,
  ],
  [
    'a policy of the cluster that refuses',
    refusedWith(`ValidatingAdmissionPolicy 'owner' with binding 'owner' denied request: no owner`),
    'ADMISSION_DENIED',
    false,
  ],
  [
    'a webhook that is down',
    refusedWith('failed calling webhook "policy.example": connection refused'),
    'ADMISSION_DENIED',
    true,
  ],
  [
    'a container without its Secret',
    evidenceOf({ pods: [waitingPod('CreateContainerConfigError', 'secret "x" not found')] }),
    'CONTAINER_CONFIG',
    false,
    'pod shop-1, container shop: CreateContainerConfigError: secret "x" not found',
  ],
  [
    'no node that is large enough',
    evidenceOf({ pods: [podOf({ unscheduled: '0/1 nodes are available: 1 Insufficient cpu.' })] }),
    'NOT_SCHEDULABLE',
    true,
    'pod shop-1: 0/1 nodes are available: 1 Insufficient cpu.',
  ],
  [
    'a PVC of a class that is not there',
    evidenceOf({
      pods: [podOf({ unscheduled: unbound })],
      pvcs: [pending],
      warnings: [
        warningOf('pvc-1', 'ProvisioningFailed', 'storageclass.storage.k8s.io "nosuch" not found'),
      ],
    }),
    'PVC_PENDING',
    false,
    'PVC data has been pending for 60 s: storageclass.storage.k8s.io "nosuch" not found',
  ],
  ['a PVC nobody binds', evidenceOf({ pvcs: [pending] }), 'PVC_PENDING', true],
  [
    'a volume that cannot be mounted',
    evidenceOf({
      pods: [waitingPod('ContainerCreating')],
      warnings: [warningOf('pod-1', 'FailedMount', 'timed out waiting for the condition')],
    }),
    'VOLUME_NOT_MOUNTED',
    true,
    'pod shop-1: FailedMount: timed out waiting for the condition',
  ],
  [
    'a program that ends again and again',
    evidenceOf({
      pods: [podOf({ containers: [crashed] })],
      logs: [{ pod: 'shop-1', container: 'shop', lines: ['starting', 'no database'] }],
    }),
    'CRASH_LOOP',
    true,
    'pod shop-1, container shop: exit code 1 (Error), 3 restarts; its last lines: starting | no database',
  ],
  [
    'a set-up that ended just now',
    evidenceOf({
      pods: [
        podOf({
          containers: [containerOf({ init: true, state: 'terminated', exitCode: 7, restarts: 1 })],
        }),
      ],
    }),
    'CRASH_LOOP',
    true,
    'pod shop-1, set-up container shop: exit code 7, 1 restarts;',
  ],
  [
    'a program that needs more memory',
    evidenceOf({
      pods: [
        podOf({
          containers: [{ ...crashed, last: { exitCode: 137, reason: 'OOMKilled', message: '' } }],
        }),
      ],
    }),
    'CRASH_LOOP',
    false,
    'pod shop-1, container shop: exit code 137 (OOMKilled), 3 restarts;',
  ],
  [
    'a Job that has failed for good',
    evidenceOf({
      jobs: [{ name: 'migrate', ofCronJob: false, failure: 'BackoffLimitExceeded: the limit' }],
    }),
    'JOB_FAILED',
    true,
    'Job migrate: BackoffLimitExceeded: the limit;',
  ],
  [
    'a program that never gets ready',
    evidenceOf({
      pods: [podOf({ phase: 'Running', containers: [containerOf({ state: 'running' })] })],
      workloads: [workloadOf()],
      warnings: [
        warningOf(
          'pod-1',
          'Unhealthy',
          'Readiness probe failed: HTTP probe failed with statuscode: 404',
        ),
      ],
      logs: [{ pod: 'shop-1', container: 'shop', lines: ['listening'] }],
      usedUp: ['quota plan: pods 10 of 10'],
      gaps: ['jobs (answered with 403)'],
    }),
    'TIMEOUT',
    true,
    'Deployment shop has 0 of 1 ready; quota plan: pods 10 of 10; pod shop-1: Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 404; its last lines: listening; could not be read: jobs (answered with 403)',
  ],
  ['nothing that can be seen', evidenceOf(), 'TIMEOUT', true, `helm: ${waited}`],
])('helm waited in vain for %s', (_, evidence, reason, retryable, detail) => {
  const failure = diagnose(evidence, late)

  expect(failure).toMatchObject({ reason, retryable, ...(detail !== undefined && { detail }) })
  expect(failure.nextAction).not.toBe('')
})
