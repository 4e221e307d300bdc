import { failureReasons } from '#domain'
import { array, assert, constantFrom, integer, option, property, record, string } from 'fast-check'
import { expect, test } from 'vitest'
import { diagnose } from './diagnose.ts'
import type { Evidence } from './evidence.ts'
import {
  containerOf,
  crashed,
  evidenceOf,
  pending,
  podOf,
  unbound,
  waitingPod,
  warningOf,
  workloadOf,
} from '#test/diagnosis/evidence-of'
import { redact } from '../redact.ts'

const waited = 'Error: context deadline exceeded'
const late = { stderr: waited }

test.each<[string, Evidence]>([
  ['a PVC that was made just now', evidenceOf({ pvcs: [{ ...pending, ageMs: 800 }] })],
  ['a pod whose PVC is not bound yet', evidenceOf({ pods: [podOf({ unscheduled: unbound })] })],
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
    evidenceOf({ pods: [podOf({ containers: [crashed] })], pvcs: [pending] }),
    'PVC_PENDING',
  ],
  [
    'a node that is too small, before the PVC that waits for the pod to be scheduled',
    evidenceOf({ pods: [podOf({ unscheduled: '1 Insufficient memory' })], pvcs: [pending] }),
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
        pvcs: [{ ...pending, ageMs }],
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
