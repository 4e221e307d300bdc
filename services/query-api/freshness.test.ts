import { expect, test } from 'vitest'
import { opaqueIds } from '#http'
import { eventually } from '#test/eventually'
import { freshness } from './freshness.ts'
import { liveChanges } from './live-changes.ts'

test('a slow read of the position never moves it back behind a notification', async () => {
  const slow = Promise.withResolvers<bigint>()
  const readModels = freshness({ readPosition: () => slow.promise })
  const read = readModels.readPosition()

  readModels.onChange({ position: 9n })
  slow.resolve(5n)

  expect(await read).toBe(9n)
  expect(readModels.position()).toBe(9n)
})

test('a position that was set back is followed', async () => {
  let stored = 9n
  const readModels = freshness({ readPosition: async () => stored })
  await readModels.readPosition()

  stored = 2n

  expect(await readModels.readPosition()).toBe(2n)
  readModels.onChange({ position: 1n })
  expect(readModels.position()).toBe(1n)
})

test('a commit wakes the streams of its tenants only; one that names none wakes all', async () => {
  let stored = 3n
  const readModels = freshness({ readPosition: async () => stored })
  await readModels.readPosition()
  const stop = new AbortController()
  const reads: Record<string, number> = {}
  const ids = opaqueIds('of this test')
  const models = {
    readPosition: async () => 0n,
    query: async ({ values: [, , tenantId] }: { values: unknown[] }) => {
      reads[String(tenantId)] = (reads[String(tenantId)] ?? 0) + 1
      return []
    },
  }
  const follow = async (tenantId: string) => {
    const live = { models, freshness: readModels, ids, heartbeatMs: 60_000 }
    const asked = { tenantId, last: undefined, signal: stop.signal }
    for await (const _ of liveChanges(live, asked));
  }
  const following = ['a', 'b'].map(follow)
  await eventually(() => expect(reads).toEqual({ a: 1, b: 1 }))

  readModels.onChange({ position: 4n, tenants: ['a', 'x'] })
  await eventually(() => expect(reads).toEqual({ a: 2, b: 1 }))
  readModels.onChange({ position: 5n, tenants: [] })
  stored = 6n
  readModels.onChange({ position: stored })
  await eventually(() => expect(reads).toEqual({ a: 3, b: 2 }))
  // Notifications may have been missed: the position alone does not say of which tenants.
  readModels.onChange(undefined)
  await eventually(() => expect(reads).toEqual({ a: 4, b: 3 }))

  stop.abort()
  await Promise.all(following)
})
