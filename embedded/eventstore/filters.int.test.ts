import {
  eventTypeFilter,
  excludeSystemEvents,
  type Filter,
  START,
  streamNameFilter,
} from '@eventstore/db-client'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventOf, freshStream, officialClient } from '#test/servers/official-client'

let es: Awaited<ReturnType<typeof officialClient>>
beforeAll(async () => {
  es = await officialClient()
})
afterAll(() => es[Symbol.asyncDispose]())

async function write(stream: string, ...types: string[]) {
  await es.client.appendToStream(
    stream,
    types.map((type) => eventOf(undefined, type)),
  )
}

/** Types of the events that a filter lets through, up to the end of the log. */
async function chosen(filter: Filter, commit = 0n): Promise<string[]> {
  const fromPosition = commit === 0n ? START : { commit, prepare: commit }
  const subscription = es.client.subscribeToAll({ filter, fromPosition })
  const types: string[] = []
  subscription.on('data', ({ event }) => types.push(event?.type ?? ''))
  try {
    await once(subscription, 'caughtUp')
    return types
  } finally {
    await subscription.unsubscribe()
  }
}

test.each([
  ['by prefix', (one: string) => streamNameFilter({ prefixes: [one, 'none-'] })],
  ['by expression', (one: string) => streamNameFilter({ regex: `^${one}$` })],
])('a filter chooses stream names %s', async (_case, filterOf) => {
  const stream = freshStream()
  await write(stream, 'A', 'B')
  await write(freshStream(), 'Other')

  expect(await chosen(filterOf(stream))).toEqual(['A', 'B'])
})

test.each([
  ['by prefix', (one: string) => eventTypeFilter({ prefixes: [one] })],
  ['by expression', (one: string) => eventTypeFilter({ regex: `^${one}$` })],
])('a filter chooses event types %s', async (_case, filterOf) => {
  const type = freshStream()
  await write(freshStream(), 'Other', type)

  expect(await chosen(filterOf(type))).toEqual([type])
})

test('a filter leaves system events out', async () => {
  const before = await es.lastPosition()
  const stream = freshStream()
  await es.client.setStreamMetadata(stream, { maxCount: 3 })
  await write(stream, 'A')

  expect(await chosen(excludeSystemEvents(), before)).toEqual(['A'])
})

test.each([
  ['(?i)^MiXed$', ['mixed']],
  [String.raw`\Amixed\z`, ['mixed']],
  [String.raw`^a\-b$`, ['a-b']],
  ['^(?<letter>a).b$', ['a-b']],
  ['^[a-z-[a]]ixed', ['mixed']],
  [String.raw`^(?!(\$.+$|a\-b$|Result$))`, ['mixed', 'ax-b']],
  ['^(?!(.*$))', []],
  ['^(?!a[)]?-)(?!mi)ax?-b$', ['ax-b']],
])('the expression %j is read as .NET does', async (regex, expected) => {
  const before = await es.lastPosition()
  await write(freshStream(), 'mixed', 'a-b', 'ax-b')

  expect(await chosen(eventTypeFilter({ regex }), before)).toEqual(expected)
})

test.each([
  ['no expression', '(', 'Exception was thrown by handler.'],
  ['a back reference', String.raw`^(a)\1$`, 'cannot be run in linear time'],
  ['an alternative to an exclusion', '^(?!a)b|c', 'cannot be run in linear time'],
  ['an exclusion further in', '^a(?!b)', 'cannot be run in linear time'],
])('a filter with %s is refused', async (_case, regex, sentence) => {
  await expect(chosen(eventTypeFilter({ regex }))).rejects.toThrow(sentence)
})

test('an expression that would take for ever elsewhere holds nobody up', async () => {
  const before = await es.lastPosition()
  const stream = freshStream()
  await write(stream, `${'a'.repeat(200)}!`)

  expect(await chosen(eventTypeFilter({ regex: '^(a+)+$' }), before)).toEqual([])

  expect(await es.idsOf(stream)).toHaveLength(1)
})
