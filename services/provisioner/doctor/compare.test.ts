import { releaseNameOf, store as decider, type StoreCommand } from '#domain'
import { at, command, history } from '#test/given'
import { array, assert, constantFrom, property, shuffledSubarray, uuid } from 'fast-check'
import { expect, test } from 'vitest'
import { compare, type CompareOptions } from './compare.ts'
import type { FoundRelease, LoggedStore } from './snapshot/snapshot.ts'

const id = '3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11'
const other = '9a1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d12'
const location = releaseNameOf(id)
const digest = { values: 'v', chart: 'c' }

const { request, claim, complete, fail, cancel, retry, uninstalled, upgrade } = command
const lives = {
  requested: [request],
  provisioning: [request, claim('a')],
  ready: [request, claim('a'), complete('a')],
  failed: [request, claim('a'), fail('a', { retryable: false })],
  upgrading: [request, claim('a'), complete('a'), upgrade(), claim('b')],
  'upgrade failed': [
    request,
    claim('a'),
    complete('a'),
    upgrade('large'),
    claim('b'),
    fail('b', { retryable: false }),
  ],
  waiting: [request, claim('a'), fail('a')],
  retried: [request, claim('a'), fail('a', { retryable: false }), retry],
  cancelled: [request, claim('a'), cancel, claim('b', { takesOver: 'a' }), uninstalled('b')],
  deleting: [request, claim('a'), complete('a'), command.delete],
  deleted: [request, claim('a'), complete('a'), command.delete, claim('b'), uninstalled('b')],
} satisfies Record<string, StoreCommand[]>
type Life = keyof typeof lives

test.each<[string, Life, FoundRelease[], string[]]>([
  ['a ready store with the release it was made ready with', 'ready', [deployed()], []],
  ['a ready store without a release', 'ready', [], ['missing-release']],
  ['a ready store of which only the namespace is left', 'ready', [prepared()], ['missing-release']],
  ['other values', 'ready', [deployed({ values: 'x' })], ['drifted-release']],
  ['another chart', 'ready', [deployed({ chart: 'x' })], ['drifted-release']],
  ['a release that is not whole', 'ready', [failed()], ['broken-release']],
  ['a release on its way out', 'ready', [ending()], ['broken-release']],
  ['a cut-off run in a ready store', 'ready', [pending()], ['abandoned-release']],
  ['a cut-off run in a failed store', 'failed', [pending()], ['abandoned-release']],
  ['what a failed store has left for the next attempt', 'failed', [failed()], []],
  ['a failed store of which nothing was made', 'failed', [], []],
  ['something unmanaged in the location of a store', 'ready', [unmanaged()], ['unmanaged-release']],
  ['a record of nobody in its namespace', 'ready', [unmanaged(id)], ['unmanaged-release']],
  ['the labels of another store', 'ready', [deployed({ store: other })], ['unmanaged-release']],
  ['the release of a deleted store', 'deleted', [deployed()], ['leftover']],
  ['the namespace of a deleted store', 'deleted', [prepared()], ['leftover']],
  ['a namespace that does not end', 'deleted', [ending()], ['leftover']],
  ['the release of a cancelled store', 'cancelled', [failed()], ['leftover']],
  ['a store that was deleted and is gone', 'deleted', [], []],
  ['a store being deleted', 'deleting', [ending()], []],
  ['a store being made', 'provisioning', [pending()], []],
  ['a store being upgraded', 'upgrading', [pending()], []],
  ['what a failed upgrade has left for the next', 'upgrade failed', [failed()], []],
  ['a failed upgrade that changed nothing', 'upgrade failed', [deployed()], []],
  ['a cut-off run of a failed upgrade', 'upgrade failed', [pending()], ['abandoned-release']],
  ['a failed upgrade of nothing', 'upgrade failed', [], ['missing-release']],
  ['a store asked for again', 'retried', [failed()], []],
  ['a second release', 'ready', [deployed(), deployed({}, 'mine')], ['second-release']],
  ['a release apart of a deleted store', 'deleted', [deployed({}, 'mine')], ['second-release']],
  ['a store unknown to the log', 'ready', [deployed(), stray(other)], ['orphan-release']],
  ['a namespace of no store', 'ready', [deployed(), stray(undefined)], ['orphan-release']],
])('%s (%s)', (_, life, found, kinds) => {
  expect(assessedAs(life, found).map(({ kind }) => kind)).toEqual(kinds)
})

test('a finding names release, store and tenant, what is wrong and what to do', () => {
  expect(assessedAs('ready', [deployed({ values: 'x', chart: 'y' })])).toEqual([
    {
      id: `drifted-release:${location}`,
      kind: 'drifted-release',
      release: location,
      storeId: id,
      tenantId: 'demo',
      sentence: `${location} was made from other values and another chart than store ${id} was made ready with.`,
      nextAction: expect.stringContaining('Find out who changed it'),
      repair: 'RequestUpgrade',
    },
  ])
})

test.each<[string, Life, FoundRelease[], string | undefined]>([
  ['a cut-off run of a failed store', 'failed', [pending()], 'RequestRetry'],
  ['a cut-off run of a failed upgrade', 'upgrade failed', [pending()], 'RequestRetry'],
  ['a failed upgrade with no release', 'upgrade failed', [prepared()], 'RequestRetry'],
  ['a cut-off run of a ready store', 'ready', [pending()], 'RequestUpgrade'],
  ['a ready store with other values', 'ready', [deployed({ values: 'x' })], 'RequestUpgrade'],
  ['a ready store whose release has failed', 'ready', [failed()], 'RequestUpgrade'],
  ['a ready store with its namespace and no release', 'ready', [prepared()], 'RequestUpgrade'],
  ['a ready store whose namespace is gone', 'ready', [], undefined],
  ['a ready store that is being removed', 'ready', [ending()], undefined],
  ['what a cancelled store has left', 'cancelled', [pending()], undefined],
  ['what is unmanaged', 'ready', [unmanaged()], undefined],
])('%s is repaired by what its owner could ask for, where that helps', (_, life, found, repair) => {
  expect(assessedAs(life, found).map((finding) => finding.repair)).toEqual([repair])
})

test('a store at work is left alone until it was silent for too long', () => {
  const assessedAt = (second: number) =>
    assessedAs('provisioning', [pending()], { now: at(second) })
  expect([assessedAt(99), assessedAt(100)].map((findings) => findings.length)).toEqual([0, 1])
})

test('the pause before the next attempt is no silence', () => {
  // Failed at second 3, to be tried again at second 8.
  const assessedAt = (second: number) => assessedAs('waiting', [pending()], { now: at(second) })
  expect([assessedAt(107), assessedAt(108)].map((findings) => findings.length)).toEqual([0, 1])
})

test('a digest that a label had to cut short is no drift; one that is merely alike is', () => {
  const whole = 'a'.repeat(63) + 'b'
  const state = provisionedFrom(whole)
  const assessedAt = (values: string) =>
    compare({ ...looking([state]), found: [deployed({ values, chart: whole })] })
  expect(assessedAt('a'.repeat(63))).toEqual([])
  expect(assessedAt('a'.repeat(62))).toMatchObject([{ kind: 'drifted-release' }])
})

test('a store that cannot be read is said to be so, and its release is not assessed', () => {
  const unreadable = { ...logged('ready'), unreadable: 'StoreProvisioned at x@2 is not readable' }
  const findings = compare({ ...looking([unreadable]), found: [deployed({ values: 'x' })] })
  expect(findings).toMatchObject([{ kind: 'unreadable-store', storeId: id }])
})

test('text of others cannot command a terminal', () => {
  const [finding] = assessedAs('ready', [deployed(), stray('\u001B[2J\u202Eevil')])
  expect(finding?.sentence).toMatch(/^[ -~]+$/)
})

const anyLife = constantFrom<Life[]>(
  'requested',
  'provisioning',
  'ready',
  'failed',
  'upgrading',
  'upgrade failed',
  'waiting',
  'retried',
  'cancelled',
  'deleting',
  'deleted',
)
const anyFound = constantFrom(deployed, prepared, failed, ending, pending, unmanaged)
const anyIds = (count: number) =>
  array(uuid(), { minLength: count, maxLength: count }).filter((ids) => new Set(ids).size === count)

test('stores as they should be give no finding, and each fault gives its own and no other', () => {
  assert(
    property(anyIds(5), shuffledSubarray([0, 1, 2, 3, 4]), (ids, broken) => {
      const stores = ids.map((one) => logged('ready', one))
      const found = ids.flatMap((one, index) => (broken.includes(index) ? [] : [deployedAs(one)]))
      const expected = broken.map((index) => `missing-release:${releaseNameOf(ids[index] ?? '')}`)
      const findings = compare({ ...looking(stores), found })
      expect(findings.map((finding) => finding.id)).toEqual(expected.toSorted())
    }),
  )
})

test('whatever is there, each store has at most one finding of its own location, and order changes nothing', () => {
  const worlds = array(anyLife, { maxLength: 6 }).chain((chosen) =>
    anyIds(chosen.length).chain((ids) =>
      array(anyFound, { minLength: ids.length, maxLength: ids.length }).map((makers) => ({
        stores: ids.map((one, index) => logged(chosen[index] ?? 'ready', one)),
        found: makers.map((make, index) => owned(make(), ids[index] ?? '')),
      })),
    ),
  )
  assert(
    property(worlds, ({ stores, found }) => {
      const findings = compare({ ...looking(stores), found })
      const locations = findings.map(({ release }) => release)
      expect(new Set(locations).size).toBe(locations.length)
      const turned = { stores: stores.toReversed(), found: found.toReversed() }
      expect(compare({ ...looking([]), ...turned })).toEqual(findings)
    }),
  )
})

test('of a store that moved while the snapshot was taken nothing is said, whatever lies in its location', () => {
  assert(
    property(anyLife, anyFound, (life, make) => {
      const moved = new Set([id])
      expect(compare({ ...looking([logged(life)]), found: [make()], moved })).toEqual([])
    }),
  )
})

function assessedAs(life: Life, found: FoundRelease[], times: Partial<CompareOptions> = {}) {
  return compare({ ...looking([logged(life)]), found, ...times })
}

function looking(stores: LoggedStore[]): CompareOptions {
  return { stores, found: [], moved: new Set(), now: at(50), silentMs: 100_000 }
}

function logged(life: Life, storeId = id): LoggedStore {
  const events = history(...lives[life])
  const state = events.reduce(decider.evolve, decider.initialState())
  const changedAt = life === 'provisioning' ? at(0) : at(3)
  return { id: storeId, state, revision: BigInt(events.length - 1), changedAt }
}

function provisionedFrom(whole: string): LoggedStore {
  const store = logged('ready')
  if (store.state.status !== 'ready') throw new Error('not ready')
  const { provisioned } = store.state
  const digests = { valuesDigest: whole, chartDigest: whole }
  return { ...store, state: { ...store.state, provisioned: { ...provisioned, ...digests } } }
}

function labelsOf(change = {}) {
  return { store: id, attempt: 1, claim: 'a', ...digest, ...change }
}

function deployed(
  change: { store?: string; values?: string; chart?: string } = {},
  name = location,
) {
  const labels = labelsOf(change)
  const observed = { status: 'deployed', labels } as const
  return { location: name, name, store: labels.store, observed }
}

function deployedAs(storeId: string): FoundRelease {
  return owned(deployed(), storeId)
}

function owned(release: FoundRelease, storeId: string): FoundRelease {
  const name = releaseNameOf(storeId)
  return { ...release, location: name, name, store: storeId }
}

function prepared(): FoundRelease {
  return { location, name: location, store: id, observed: { status: 'prepared' } }
}

function failed(): FoundRelease {
  return {
    location,
    name: location,
    store: id,
    observed: { status: 'failed', detail: 'not whole' },
  }
}

function pending(): FoundRelease {
  return {
    location,
    name: location,
    store: id,
    observed: { status: 'pending', labels: labelsOf() },
  }
}

function ending(): FoundRelease {
  const observed = { status: 'uninstalling', by: 'namespace', detail: '' } as const
  return { location, name: location, store: id, observed }
}

function unmanaged(store?: string): FoundRelease {
  const observed = { status: 'unmanaged', detail: 'no readable record' } as const
  return { location, name: location, store, observed }
}

function stray(store: string | undefined): FoundRelease {
  const name = releaseNameOf(other)
  return { location: name, name, store, observed: { status: 'prepared' } }
}
