import { failureReasons } from '#domain'
import { assert, constantFrom, property, record, string, array, option, integer } from 'fast-check'
import { expect, test } from 'vitest'
import { diagnose } from './diagnose.ts'
import type { Evidence } from './evidence.ts'
import {
  containerOf,
  evidenceOf,
  podOf,
  refusedWith,
  waitingPod,
  warningOf,
  workloadOf,
} from './fixtures/evidence-of.ts'
import { redact } from './text/redact.ts'

const waited = 'Error: context deadline exceeded'
const late = { stderr: waited }
type Case = [name: string, evidence: Evidence, reason: string, retryable: boolean, detail?: string]

const unbound = 'pod has unbound immediate PersistentVolumeClaims. not found'
const pending = { name: 'data', uid: 'claim-1', phase: 'Pending', ageMs: 60_000 }
const lastCrash = { exitCode: 1, reason: 'Error', message: '' }
const crashed = containerOf({ reason: 'CrashLoopBackOff', restarts: 3, last: lastCrash })

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
    'a claim of a class that is not there',
    evidenceOf({
      pods: [podOf({ unscheduled: unbound })],
      claims: [pending],
      warnings: [
        warningOf(
          'claim-1',
          'ProvisioningFailed',
          'storageclass.storage.k8s.io "nosuch" not found',
        ),
      ],
    }),
    'PVC_PENDING',
    false,
    'claim data is pending for 60 s: storageclass.storage.k8s.io "nosuch" not found',
  ],
  ['a claim nobody binds', evidenceOf({ claims: [pending] }), 'PVC_PENDING', true],
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
          containers: [{ ...crashed, last: { ...lastCrash, exitCode: 137, reason: 'OOMKilled' } }],
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
  ['LICENCE_ENDED', 'WORKER_LOST', true],
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

test.each<[string, Evidence]>([
  ['a claim that was made just now', evidenceOf({ claims: [{ ...pending, ageMs: 800 }] })],
  ['a pod whose claim is not bound yet', evidenceOf({ pods: [podOf({ unscheduled: unbound })] })],
  [
    'an autoscaler without figures',
    evidenceOf({ warnings: [warningOf('hpa-1', 'FailedGetResourceMetric', 'no metrics API')] }),
  ],
  [
    'a pod on its way out',
    evidenceOf({ pods: [waitingPod('ErrImagePull', '', { ending: true })] }),
  ],
  ['a pod that is ready', evidenceOf({ pods: [podOf({ ready: true, containers: [crashed] })] })],
  [
    'a pod that has done its work',
    evidenceOf({ pods: [podOf({ phase: 'Succeeded', containers: [crashed] })] }),
  ],
  [
    'the clock of a shop that failed once',
    evidenceOf({
      pods: [podOf({ containers: [crashed], owner: { kind: 'Job', name: 'cron-1' } })],
      jobs: [{ name: 'cron-1', ofCronJob: true, failure: 'BackoffLimitExceeded' }],
    }),
  ],
  [
    'a mount that failed before the container ran',
    evidenceOf({
      pods: [podOf({ containers: [containerOf({ state: 'running' })] })],
      warnings: [warningOf('pod-1', 'FailedMount', 'not yet')],
    }),
  ],
])('no fault by itself is %s', (_, evidence) => {
  expect(diagnose(evidence, { stderr: '' }).reason).toBe('HELM_FAILED')
})

test.each<[string, Evidence, string]>([
  [
    'a database without its image, before the engine that crashes for want of it',
    evidenceOf({
      pods: [podOf({ containers: [crashed] }), waitingPod('ErrImagePull', 'not found')],
    }),
    'IMAGE_PULL',
  ],
  [
    'a database without its volume, before the engine that crashes for want of it',
    evidenceOf({ pods: [podOf({ containers: [crashed] })], claims: [pending] }),
    'PVC_PENDING',
  ],
  [
    'a node that is too small, before the claim that waits for the pod to be scheduled',
    evidenceOf({ pods: [podOf({ unscheduled: '1 Insufficient memory' })], claims: [pending] }),
    'NOT_SCHEDULABLE',
  ],
])('of several causes the first is told: %s', (_, evidence, reason) => {
  expect(diagnose(evidence, late).reason).toBe(reason)
})

test('of two pods that crash the database is told', () => {
  const owner = { kind: 'StatefulSet', name: 'database' }
  const pods = [
    podOf({ containers: [crashed] }),
    podOf({ name: 'database-0', owner, containers: [crashed] }),
  ]
  expect(diagnose(evidenceOf({ pods }), late).detail).toMatch(/^pod database-0/)
})

test('whatever is seen and said, there is an answer on one short line without a secret', () => {
  const secret = 'wc0rKs8aBcD1xYz9'
  const hide = (text: string) => redact(text, [secret])
  const words = constantFrom(
    'exceeded quota:',
    waited,
    'not found',
    '\n',
    '\u0000',
    '\ud800',
    'x'.repeat(700),
  )
  const word = string({ unit: 'binary' })
  const text = array(constantFrom(secret, btoa(secret), `password=${secret}`), {
    maxLength: 3,
  }).chain((known) =>
    array(option(words, { nil: '' }), { maxLength: 4 }).chain((said) =>
      word.map((any) => [...known, any, ...said].join(' ')),
    ),
  )
  const reason = constantFrom('ErrImagePull', 'CrashLoopBackOff', 'CreateContainerConfigError', '')
  const seen = record({ text, reason, restarts: integer({ min: 0, max: 3 }), ageMs: integer() })
  assert(
    property(seen, text, ({ text: said, reason: why, restarts, ageMs }, stderr) => {
      const message = hide(said)
      const container = containerOf({ reason: why, message, restarts })
      const evidence = evidenceOf({
        pods: [podOf({ containers: [container] })],
        workloads: [workloadOf({ refusal: message })],
        claims: [{ ...pending, ageMs }],
        warnings: [warningOf('pod-1', 'FailedMount', message)],
        logs: [{ pod: 'shop-1', container: 'shop', lines: [message] }],
        redact: hide,
      })
      const failure = diagnose(evidence, { stderr })
      expect(failureReasons).toContain(failure.reason)
      expect(failure.detail).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u)
      expect(failure.detail.length).toBeLessThan(1_100)
      expect(failure.detail).not.toContain(secret)
      expect(failure.detail).not.toContain(btoa(secret).replace(/=+$/, ''))
    }),
    { numRuns: 500 },
  )
})
