import {
  openClaim,
  pendingWork,
  store,
  takeOversMax,
  wantedRequest,
  type StoreEvent,
} from '#domain'
import { at, command, given, history, outcomeOf } from '#test/given'
import { expect, test } from 'vitest'

const { request, claim, complete, uninstalled, fail, retry, upgrade } = command
const ready = [request, claim('a'), complete('a')]
const failedUpgrade = [...ready, upgrade('medium'), claim('b'), fail('b', { retryable: false })]

test('a ready store that is to be larger is upgrading, and still what it was', () => {
  const events = history(...ready, upgrade('large'))
  const { state } = given(store, ...events)
  expect(events.at(-1)).toEqual({
    type: 'UpgradeRequested',
    data: { plan: 'large', fingerprint: 'f2', requestedAt: at(4) },
  })
  expect(state).toMatchObject({
    status: 'upgrading',
    request: { plan: 'small' },
    provisioned: { url: 'https://x' },
  })
  expect(pendingWork(state)).toBe('upgrade')
})

test('what a provisioner is to make of an upgrading store has the plan that was asked for', () => {
  const { state } = given(store, ...history(...ready, upgrade('large')))
  if (state.status === 'absent') throw new Error('no store')
  expect(wantedRequest(state)).toEqual({ ...state.request, plan: 'large' })
})

test('an upgrade that has ended makes the store ready on its new plan, and says what it was', () => {
  const events = history(...ready, upgrade('large'), claim('b'), complete('b'))
  expect(given(store, ...events).state).toMatchObject({
    status: 'ready',
    request: { plan: 'large' },
    provisioned: { attempt: 2, kind: 'upgrade' },
  })
  expect(outcomeOf(events, upgrade('medium'))).toBe('PLAN_TOO_SMALL')
})

test('the first provisioning says nothing of an upgrade', () => {
  expect(history(...ready).at(-1)?.data).not.toHaveProperty('kind')
})

test('an upgrade without a plan keeps the plan', () => {
  const events = history(...ready, upgrade(), claim('b'), complete('b'))
  expect(given(store, ...events).state).toMatchObject({ request: { plan: 'small' } })
})

test('an attempt at an upgrade that failed is followed by another, and the store stays upgrading', () => {
  const events = history(...ready, upgrade('large'), claim('b'), fail('b'))
  expect(events.at(-1)).toMatchObject({
    type: 'ProvisioningAttemptFailed',
    data: { attempt: 2, retryAt: at(8) },
  })
  expect(given(store, ...events).state).toMatchObject({
    status: 'upgrading',
    failures: 1,
    upgrade: { plan: 'large' },
  })
  expect(outcomeOf(events, claim('c', { now: at(7) }))).toBe('RETRY_NOT_DUE')
})

test('an upgrade that failed for good leaves the store on its plan, with what it was to become', () => {
  const events = history(...failedUpgrade)
  expect(events.at(-1)).toMatchObject({ type: 'StoreFailed', data: { kind: 'upgrade' } })
  const { state } = given(store, ...events)
  expect(state).toMatchObject({
    status: 'upgrade-failed',
    request: { plan: 'small' },
    provisioned: { url: 'https://x' },
    upgrade: { plan: 'medium' },
    failure: { reason: 'HELM_FAILED' },
  })
  expect(pendingWork(state)).toBeUndefined()
})

test('a failed upgrade is tried again by a retry, to the plan that was asked for', () => {
  const { state } = given(store, ...history(...failedUpgrade, retry))
  expect(state).toMatchObject({ status: 'upgrading', upgrade: { plan: 'medium' }, failures: 0 })
})

test('after a failed upgrade the store can go on to that plan or a larger one, or back to its own', () => {
  expect(planOf(history(...failedUpgrade, upgrade()))).toBe('medium')
  expect(planOf(history(...failedUpgrade, upgrade('large')))).toBe('large')
  const back = history(...failedUpgrade, upgrade('small'), claim('c'), complete('c'))
  expect(given(store, ...back).state).toMatchObject({ status: 'ready', request: { plan: 'small' } })
})

test('a failed upgrade makes no plan smaller than its own possible', () => {
  const medium = { ...request, plan: 'medium' } as const
  const broken = fail('b', { retryable: false })
  const events = history(medium, claim('a'), complete('a'), upgrade('large'), claim('b'), broken)
  expect(outcomeOf(events, upgrade('small'))).toBe('PLAN_TOO_SMALL')
})

test('a smaller plan is refused with the larger ones', () => {
  const medium = { ...request, plan: 'medium' } as const
  const refusing = () =>
    given(store, ...history(medium, claim('a'), complete('a'))).when(upgrade('small'))
  expect(refusing).toThrow(
    'A store of plan medium cannot change to small: its volumes cannot shrink. Larger plans: large',
  )
})

test('a worker that was taken over cannot end an upgrade', () => {
  const events = history(...ready, upgrade(), claim('b'), claim('c', { takesOver: 'b' }))
  expect(outcomeOf(events, complete('b'))).toBe('CLAIM_LOST')
  expect(outcomeOf(events, complete('c'))).toBe('StoreProvisioned')
})

test('an upgrade that kills one worker after the other is given up, and the store is not', () => {
  const claims = Array.from({ length: takeOversMax }, (_, n) =>
    claim(String(n + 1), { takesOver: String(n) }),
  )
  const events = history(...ready, upgrade(), claim('0'), ...claims)
  const last = claim('last', { takesOver: String(takeOversMax) })
  const givenUp = [...events, ...given(store, ...events).when(last)]
  expect(givenUp.at(-1)).toMatchObject({
    type: 'StoreFailed',
    data: { reason: 'WORKER_LOST', kind: 'upgrade' },
  })
  expect(given(store, ...givenUp).state.status).toBe('upgrade-failed')
})

test('a deletion in mid-upgrade takes the store from any worker', () => {
  const events = history(...ready, upgrade('large'), claim('b'), command.delete)
  const { state } = given(store, ...events)
  expect(pendingWork(state)).toBe('uninstall')
  expect(openClaim(state)).toMatchObject({ claimId: 'b', kind: 'upgrade' })
  expect(outcomeOf(events, complete('b'))).toBe('CLAIM_LOST')
  expect(
    history(...ready, upgrade(), command.delete, claim('c'), uninstalled('c')).at(-1)?.type,
  ).toBe('StoreDeleted')
})

test('an upgrade of a store that was never ready leaves the state as it was', () => {
  const stray: StoreEvent = {
    type: 'UpgradeRequested',
    data: { plan: 'large', fingerprint: 'f', requestedAt: at(9) },
  }
  const before = history(request, claim('a'))
  expect(given(store, ...before, stray).state).toEqual(given(store, ...before).state)
})

function planOf(events: StoreEvent[]): string | undefined {
  const last = events.at(-1)
  return last?.type === 'UpgradeRequested' ? last.data.plan : undefined
}
