import { openClaim, pendingWork, store, takeOversMax, type StoreEvent } from '#domain'
import { at, command, given, history, outcomeOf } from '#test/given'
import { expect, test } from 'vitest'

const { request, claim, step, complete, uninstalled, fail, retry, cancel } = command

test('the same request again is no event; another one under the same id is refused', () => {
  expect(outcomeOf(history(request), request)).toBe('nothing')
  const other = { ...request, fingerprint: 'f2' }
  expect(outcomeOf(history(request), other)).toBe('IDEMPOTENCY_KEY_REUSED')
})

test('a claim says who works at what, and whom it replaces', () => {
  const claimed = history(request, claim('a'))
  const [event] = given(store, ...claimed).when(claim('b', { takesOver: 'a' }))
  expect(event).toEqual({
    type: 'ProvisioningStarted',
    data: {
      attempt: 2,
      worker: 'worker of b',
      claimId: 'b',
      kind: 'install',
      valuesDigest: 'v',
      chartDigest: 'c',
      takesOver: 'a',
      startedAt: at(1),
    },
  })
})

test('a claim taken over a moment ago cannot be taken over from its first holder again', () => {
  const claimed = history(request, claim('a'), claim('b', { takesOver: 'a' }))
  expect(outcomeOf(claimed, claim('c', { takesOver: 'a' }))).toBe('CLAIM_HELD')
})

test('a result of a worker that was taken over is refused', () => {
  const claimed = history(request, claim('a'), claim('b', { takesOver: 'a' }))
  for (const late of [complete('a'), fail('a'), step('a')])
    expect(outcomeOf(claimed, late)).toBe('CLAIM_LOST')
  expect(outcomeOf(claimed, complete('b'))).toBe('StoreProvisioned')
})

test('a failed attempt is followed by others after longer and longer pauses, then by the end', () => {
  const first = history(request, claim('a'), fail('a'))
  expect(first.at(-1)?.data).toMatchObject({ attempt: 1, retryAt: at(8) })
  const second = [...first, ...after(first, claim('b', { now: at(8) }), fail('b'))]
  expect(second.at(-1)?.data).toMatchObject({ attempt: 2, retryAt: at(33) })
  const third = [...second, ...after(second, claim('c', { now: at(33) }), fail('c'))]
  expect(third.at(-1)).toMatchObject({ type: 'StoreFailed', data: { attempt: 3 } })
})

test('no attempt begins before its time', () => {
  const failed = history(request, claim('a'), fail('a'))
  expect(outcomeOf(failed, claim('b', { now: at(7) }))).toBe('RETRY_NOT_DUE')
  expect(outcomeOf(failed, claim('b', { now: at(8) }))).toBe('ProvisioningStarted')
})

test('a failure that cannot pass is final at once', () => {
  const claimed = history(request, claim('a'))
  expect(outcomeOf(claimed, fail('a', { retryable: false }))).toBe('StoreFailed')
})

test('a worker that was stopped costs no attempt and no pause', () => {
  const stopped = history(request, claim('a'), fail('a', { reason: 'WORKER_STOPPED' }))
  expect(stopped.at(-1)?.data).toMatchObject({ retryAt: at(3) })
  const again = [...stopped, ...after(stopped, claim('b', { now: at(3) }), fail('b'))]
  expect(again.at(-1)?.data).toMatchObject({ retryAt: at(8) })
})

test('a store that kills one worker after the other is given up', () => {
  let events = history(request, claim('0'))
  for (let n = 1; n <= takeOversMax; n++)
    events = [...events, ...after(events, claim(String(n), { takesOver: String(n - 1) }))]
  const last = claim('last', { takesOver: String(takeOversMax) })
  const [outcome] = after(events, last)
  expect(outcome).toMatchObject({ type: 'StoreFailed', data: { reason: 'WORKER_LOST' } })
})

test('a claim that its own worker gave up counts for no dead worker', () => {
  let events = history(request, claim('0'))
  for (let n = 1; n <= 2 * takeOversMax; n++) {
    const next = claim(String(n), { takesOver: String(n - 1), givenUp: true })
    events = [...events, ...after(events, next)]
  }
  expect(events.at(-1)).toMatchObject({ type: 'ProvisioningStarted', data: { givenUp: true } })
})

test('a removal is never given up, however often it fails or its worker dies', () => {
  let events = history(request, command.delete, claim('0'))
  for (let n = 1; n <= 2 * takeOversMax; n++)
    events = [...events, ...after(events, claim(String(n), { takesOver: String(n - 1) }))]
  let last = String(2 * takeOversMax)
  for (let n = 0; n < 5; n++) {
    events = [...events, ...after(events, fail(last, { retryable: false }))]
    expect(events.at(-1)?.type).toBe('ProvisioningAttemptFailed')
    last = `again ${n}`
    events = [...events, ...after(events, claim(last, { now: at(10_000) }))]
  }
  expect(outcomeOf(events, uninstalled(last))).toBe('StoreDeleted')
})

test('a removal that cannot end is tried less and less often, up to every six hours', () => {
  const hourMs = 60 * 60_000
  let events = history(request, command.delete)
  let now = at(3)
  const pauses = Array.from({ length: 16 }, (_, n) => {
    events = [...events, ...after(events, claim(`${n}`, { now }))]
    const [failed] = after(events, { ...fail(`${n}`), retryDelaysMs: [5_000, 600_000], now })
    if (failed?.type !== 'ProvisioningAttemptFailed') throw new Error('no failed attempt')
    events = [...events, failed]
    const pauseMs = Date.parse(failed.data.retryAt) - Date.parse(now)
    now = failed.data.retryAt
    return pauseMs
  })
  expect(pauses.slice(0, 4)).toEqual([5_000, 600_000, 1_200_000, 2_400_000])
  expect(pauses.slice(8)).toEqual(Array.from({ length: 8 }, () => 6 * hourMs))
})

test('a deletion asked for in mid-attempt leaves the claim open until it is taken over', () => {
  const { state } = given(store, ...history(request, claim('a'), command.delete))
  expect(pendingWork(state)).toBe('uninstall')
  expect(openClaim(state)).toMatchObject({ claimId: 'a', kind: 'install' })
})

test('a cancelled store can be retried, and starts with a clean count of failures', () => {
  const cancelled = history(
    request,
    claim('a'),
    fail('a'),
    claim('b', { now: at(8) }),
    cancel,
    claim('c', { takesOver: 'b' }),
    uninstalled('c'),
    retry,
  )
  expect(given(store, ...cancelled).state).toMatchObject({
    status: 'requested',
    failures: 0,
    attempt: 3,
  })
})

test('an event that does not fit leaves the state as it was', () => {
  const [, started] = history(request, claim('a'))
  if (started === undefined) throw new Error('no event')
  expect(given(store, started).state).toEqual({ status: 'absent' })
})

function after(events: StoreEvent[], ...commands: Parameters<typeof history>): StoreEvent[] {
  return commands.reduce<StoreEvent[]>(
    (caused, next) => [...caused, ...given(store, ...events, ...caused).when(next)],
    [],
  )
}
