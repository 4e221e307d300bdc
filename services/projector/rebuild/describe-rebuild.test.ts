import { expect, test } from 'vitest'
import { describeRebuild } from './run-rebuild.ts'
import type { RebuildResult } from './rebuild-read-models.ts'

const equal: RebuildResult = {
  basis: 'same position',
  events: 1_200,
  position: 4_711n,
  total: 0,
  differences: [],
  switched: true,
}

test('an equal rebuild says so, with how fast and how far', () => {
  expect(describeRebuild(equal, 0.5)).toEqual([
    'Rebuilt the read models from 1200 events in 0.5 s (2400 events/s), up to position 4711.',
    'Compared with the live read models at the same position: equal, byte for byte.',
    'Switched: the rebuilt read models are live.',
  ])
})

test('differing rows are listed with what differs, and how to go on', () => {
  const differences = [
    { table: 'stores', key: 'a', live: { id: 'a', name: 'x' }, rebuilt: { id: 'a', name: 'y' } },
    { table: 'stores', key: 'b', live: undefined, rebuilt: { id: 'b' } },
    { table: 'store_counts', key: 't medusa ready', live: { count: 1 }, rebuilt: undefined },
  ]

  const lines = describeRebuild({ ...equal, total: 4, differences, switched: false }, 1)

  expect(lines.slice(1)).toEqual([
    'Compared with the live read models at the same position: 4 rows differ.',
    '  stores a: name is "x", should be "y"',
    '  stores b: missing in the live ones',
    '  store_counts t medusa ready: only in the live ones',
    '  and 1 more',
    'Not switched: the live read models are as they were. Switch with: npm run rebuild -- --accept',
  ])
})

test('without live read models, or with those of another log, the basis is said', () => {
  const first = describeRebuild({ ...equal, basis: 'none', events: 0, position: undefined }, 0)
  const other = describeRebuild({ ...equal, basis: 'diverged', total: 1, switched: false }, 1)

  expect(first[1]).toBe('There were no live read models to compare with.')
  expect(other[1]).toBe(
    'The live read models were made from another event log. Compared as they are: 1 row differs.',
  )
})
