import { expect, test } from 'vitest'
import type { ObservedRelease } from './driver.ts'
import { nextStep, type Next, type Wanted } from './next-step.ts'

const labels = { store: 's', attempt: 1, claim: 'c', values: 'v', chart: 'h' }
const install: Wanted = { kind: 'install', values: 'v', chart: 'h' }
const ending: ObservedRelease = { status: 'uninstalling', by: 'namespace', detail: '' }
const cutOff: ObservedRelease = { ...ending, by: 'release' }
const unmanaged: ObservedRelease = { status: 'unmanaged', detail: 'belongs to store x' }

test.each<[string, ObservedRelease, Next]>([
  ['absent: install', { status: 'absent' }, { step: 'install' }],
  ['prepared: install', { status: 'prepared' }, { step: 'install' }],
  ['as wanted: done', { status: 'deployed', labels }, { done: 'deployed' }],
  [
    'other values: upgrade',
    { status: 'deployed', labels: { ...labels, values: 'w' } },
    { step: 'upgrade' },
  ],
  [
    'another chart: upgrade',
    { status: 'deployed', labels: { ...labels, chart: 'i' } },
    { step: 'upgrade' },
  ],
  ['failed: upgrade', { status: 'failed', detail: '' }, { step: 'upgrade' }],
  ['pending: unlock', { status: 'pending', labels }, { step: 'unlock' }],
  ['being removed: wait', ending, { step: 'wait' }],
])('a wanted release that is %s', (_, observed, next) => {
  expect(nextStep(install, observed)).toEqual(next)
})

test('an upgrade makes no empty store when the namespace is gone; a namespace that was kept gets a release again', () => {
  const upgrade: Wanted = { ...install, kind: 'upgrade' }
  expect(nextStep(upgrade, { status: 'absent' })).toMatchObject({
    failure: { reason: 'RELEASE_MISSING', retryable: false },
  })
  expect(nextStep(upgrade, { status: 'prepared' })).toEqual({ step: 'install' })
})

test('a release of somebody else is a failure that is not tried again', () => {
  expect(nextStep(install, unmanaged)).toMatchObject({
    failure: { reason: 'RELEASE_CONFLICT', retryable: false, detail: 'belongs to store x' },
  })
})

test.each<[ObservedRelease, Next]>([
  [{ status: 'absent' }, { done: 'removed' }],
  [unmanaged, { done: 'removed' }],
  [{ status: 'deployed', labels }, { step: 'uninstall' }],
  [{ status: 'failed', detail: '' }, { step: 'uninstall' }],
  [{ status: 'pending', labels }, { step: 'uninstall' }],
  [{ status: 'prepared' }, { step: 'uninstall' }],
  [ending, { step: 'wait' }],
  [cutOff, { step: 'uninstall' }],
])('an unwanted release that is %o', (observed, next) => {
  expect(nextStep({ ...install, kind: 'uninstall' }, observed)).toEqual(next)
})
