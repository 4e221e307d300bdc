import { AppError } from '#domain'
import { expect, test } from 'vitest'
import type { Ended } from '../helm/run-supervised.ts'
import { classifyError, classifyRun, stillUninstalling } from './failure-of.ts'

const ended: Ended = { code: 1, signal: null, stderr: '', durationMs: 5 }
const absent = { status: 'absent' } as const

test.each([
  [undefined, 'HELM_FAILED', true],
  ['LIMIT', 'TIMEOUT', true],
  ['OUTPUT_TOO_LARGE', 'CHART_INVALID', false],
  ['SUPERVISOR_LOST', 'WORKER_LOST', true],
  ['STOPPED', 'WORKER_LOST', true],
  ['NOT_STARTED', 'WORKER_LOST', true],
  ['DISK_FULL', 'DISK_FULL', true],
  ['OUTPUT_FAILED', 'UNKNOWN', true],
] as const)('a run that ended with %s is %s', (reason, expected, retryable) => {
  const run = reason === undefined ? ended : { ...ended, reason }
  expect(classifyRun(run, absent)).toMatchObject({ reason: expected, retryable })
})

test('the detail says how helm ended and what the release is, on one printable line', () => {
  const stderr = 'Error:\u001b[31mbad\u0000\nchart\u2028!'
  const { detail } = classifyRun({ ...ended, stderr }, absent)
  expect(detail).toBe('The release is absent; helm exited with 1: Error: [31mbad chart !')
})

test('the end of a long message is kept', () => {
  const stderr = `${'x'.repeat(5_000)}the cause`
  const { detail } = classifyRun({ ...ended, stderr }, absent)
  expect(detail).toMatch(/…x+the cause$/)
  expect(detail.length).toBeLessThan(700)
})

test('a step without a run that changed nothing is unknown', () => {
  expect(classifyRun(undefined, absent)).toMatchObject({ reason: 'UNKNOWN', retryable: true })
})

test('errors of our own keep their class', () => {
  expect(classifyError(new AppError('VALUES_INVALID', 'no'))).toMatchObject({
    reason: 'VALUES_INVALID',
    retryable: false,
    detail: 'no',
  })
  expect(classifyError(new Error('EACCES'))).toMatchObject({ reason: 'UNKNOWN', detail: 'EACCES' })
  expect(classifyError('text')).toMatchObject({ detail: 'text' })
})

test.each([
  ['CLUSTER_UNREACHABLE', 'CLUSTER_UNREACHABLE', true],
  ['CLUSTER_REFUSED', 'ADMISSION_DENIED', true],
  ['RELEASE_CONFLICT', 'RELEASE_CONFLICT', false],
  ['RELEASE_STUCK', 'HELM_PENDING', true],
] as const)('%s of a cluster is %s', (code, reason, retryable) => {
  expect(classifyError(new AppError(code, 'why'))).toMatchObject({
    reason,
    retryable,
    detail: 'why',
  })
})

test('what holds a removal up is named as far as it is known', () => {
  const seen = { status: 'uninstalling', by: 'namespace' } as const
  const { detail } = stillUninstalling({ ...seen, detail: 'some/finalizer' })
  expect(detail).toBe('The release has been uninstalling for too long: some/finalizer')
  expect(stillUninstalling({ ...seen, detail: '' }).detail).toMatch(/too long$/)
})

test.each([
  [
    'POST /x was answered with 403: secrets is forbidden: User "u" cannot create',
    'ACCESS_DENIED',
    true,
  ],
  [
    'POST /x was answered with 403: exceeded quota: plan, requested: pods=1',
    'QUOTA_EXCEEDED',
    true,
  ],
  ['POST /x was answered with 403: violates PodSecurity "restricted"', 'ADMISSION_DENIED', true],
  ['POST /x was answered with 422: something else', 'ADMISSION_DENIED', true],
] as const)('what the cluster refuses is told apart: %s', (message, reason, retryable) => {
  const error = new AppError('CLUSTER_REFUSED', message)
  expect(classifyError(error)).toMatchObject({ reason, retryable, detail: message })
})

test('whether an error may pass is said by the error, not by its code', () => {
  const lacking = new AppError('CHART_INVALID', 'store-secret lacks db-password')
  expect(classifyError(lacking)).toMatchObject({ reason: 'CHART_INVALID', retryable: false })
  const changed = new AppError('CHART_INVALID', 'changed', { retryable: true })
  expect(classifyError(changed)).toMatchObject({ reason: 'CHART_INVALID', retryable: true })
})

test.each(['ENOSPC', 'EDQUOT'])('%s is DISK_FULL, also below another error', (code) => {
  const full = Object.assign(new Error(`${code}: no space left on device, write`), { code })
  const cause = new AppError('CHART_INVALID', 'The chart cannot be read', { cause: full })
  for (const error of [full, cause])
    expect(classifyError(error)).toMatchObject({
      reason: 'DISK_FULL',
      retryable: true,
      nextAction: expect.stringContaining('Free space'),
    })
})

test('a shop that does not sell is SMOKE_TEST_FAILED, and is asked again', () => {
  const error = new AppError('SMOKE_TEST_FAILED', 'POST /checkout was answered with 500')
  expect(classifyError(error)).toMatchObject({
    reason: 'SMOKE_TEST_FAILED',
    retryable: true,
    detail: 'POST /checkout was answered with 500',
  })
})
