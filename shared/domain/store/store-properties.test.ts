import {
  AppError,
  openClaim,
  pendingWork,
  store,
  type StoreCommand,
  type StoreEvent,
  type StoreState,
} from '#domain'
import { command, given, outcomeOf } from '#test/given'
import { array, constant, constantFrom, oneof, sample, tuple } from 'fast-check'
import { expect, test } from 'vitest'

const { request, claim, step, complete, uninstalled, fail, retry, cancel, upgrade, change } =
  command

const claimId = constantFrom('a', 'b', 'c', 'd', 'e')
const now = '2027-01-01T00:00:00.000Z'
const anyCommand = oneof(
  constant<StoreCommand>(request),
  tuple(claimId, claimId).map(([id, takesOver]): StoreCommand => claim(id, { takesOver, now })),
  claimId.map((id): StoreCommand => claim(id)),
  claimId.map((id): StoreCommand => step(id)),
  claimId.map((id): StoreCommand => complete(id)),
  claimId.map((id): StoreCommand => uninstalled(id)),
  claimId.map((id): StoreCommand => fail(id)),
  constantFrom<StoreCommand[]>(retry, cancel, command.delete, upgrade(), upgrade('large')),
  constantFrom<StoreCommand[]>(
    change({ name: 'A', reference: null }),
    change({ name: 'B', reference: '7', labels: { team: 'shop' } }),
  ),
)
const lives = sample(array(anyCommand, { minLength: 5, maxLength: 60, size: 'max' }), 1_500).map(
  liveOf,
)
const events = lives.map((life) => life.flatMap(({ caused }) => caused))

test('the lives that are tried reach every event and many take-overs', () => {
  const types = new Set(events.flat().map(({ type }) => type))
  expect(types.size).toBe(12)
  const takeOvers = events.flat().filter(({ data }) => 'takesOver' in data)
  expect(takeOvers.length).toBeGreaterThan(100)
})

test('a change leaves everything but what is wanted of the store as it was', () => {
  const moments = lives.flat().filter(({ sent, caused }) => {
    return sent.type === 'RequestChange' && caused.length > 0
  })
  expect(moments.length).toBeGreaterThan(100)
  for (const { before, caused } of moments) {
    const after = caused.reduce(store.evolve, before)
    if (before.status === 'absent' || after.status === 'absent') throw new Error('it is absent')
    expect({ ...after, request: 0 }).toEqual({ ...before, request: 0 })
    expect(after.request.generation).toBe((before.request.generation ?? 1) + 1)
  }
})

test('attempts are counted without a gap', () => {
  const numbers = events.map((life) => attemptsOf(life, 'ProvisioningStarted'))
  expect(numbers).toEqual(numbers.map((life) => life.map((_, index) => index + 1)))
})

test('no attempt ends twice', () => {
  const ends = ['StoreProvisioned', 'StoreDeleted', 'StoreFailed', 'ProvisioningAttemptFailed']
  const twice = events.filter((life) => {
    const ended = attemptsOf(life, ...ends).filter((attempt) => attempt > 0)
    return new Set(ended).size !== ended.length
  })
  expect(twice).toEqual([])
})

test('an open claim is replaced by nobody who does not name it', () => {
  const stolen = lives.flat().filter(({ before, sent, caused }) => {
    const open = openClaim(before)
    const replaced = open !== undefined && caused.some(({ type }) => type === 'ProvisioningStarted')
    return replaced && (sent.type !== 'ClaimStore' || sent.takesOver !== open.claimId)
  })
  expect(stolen).toEqual([])
})

test('only the holder of the open claim ends an attempt or records a step', () => {
  const strangers = lives.flat().filter(({ before, sent, caused }) => {
    const works = 'claimId' in sent && sent.type !== 'ClaimStore'
    return works && caused.length > 0 && openClaim(before)?.claimId !== sent.claimId
  })
  expect(strangers).toEqual([])
})

test('nothing happens to a deleted store', () => {
  const afterwards = events.filter((life) => {
    const deletedAt = life.findIndex(({ type }) => type === 'StoreDeleted')
    return deletedAt !== -1 && deletedAt < life.length - 1
  })
  expect(afterwards).toEqual([])
})

test('whatever happened, what is pending can be claimed and brought to its end', () => {
  const stuck = events.filter((life) => {
    const { state } = given(store, ...life)
    const kind = pendingWork(state)
    if (kind === undefined) return false
    const takesOver = openClaim(state)?.claimId
    const last = claim('last', { now: '2030-01-01T00:00:00.000Z', ...(takesOver && { takesOver }) })
    const claimed = [...life, ...given(store, ...life).when(last)]
    if (claimed.at(-1)?.type === 'StoreFailed') return false
    const end = outcomeOf(claimed, kind === 'uninstall' ? uninstalled('last') : complete('last'))
    return !['StoreProvisioned', 'StoreDeleted', 'StoreFailed'].includes(end)
  })
  expect(stuck).toEqual([])
})

interface Moment {
  before: StoreState
  sent: StoreCommand
  caused: StoreEvent[]
}

/** What became of each command sent to a store; a refusal causes nothing. */
function liveOf(commands: StoreCommand[]): Moment[] {
  let before = store.initialState()
  return commands.map((sent) => {
    const moment = { before, sent, caused: causedBy(before, sent) }
    before = moment.caused.reduce(store.evolve, before)
    return moment
  })
}

function causedBy(state: StoreState, sent: StoreCommand): StoreEvent[] {
  try {
    return store.decide(state, sent)
  } catch (error) {
    if (error instanceof AppError) return []
    throw error
  }
}

function attemptsOf(life: StoreEvent[], ...types: string[]): number[] {
  return life.flatMap(({ type, data }) =>
    types.includes(type) && 'attempt' in data ? [data.attempt] : [],
  )
}
