import {
  END,
  eventTypeFilter,
  START,
  StreamDeletedError,
  type AllStreamSubscription,
  type StreamSubscription,
} from '@eventstore/db-client'
import { eventually } from '#test/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  collect,
  eventOf,
  freshIds,
  freshStream,
  officialClient,
} from '#test/servers/official-client'

let es: Awaited<ReturnType<typeof officialClient>>
beforeAll(async () => {
  es = await officialClient()
})
afterAll(() => es[Symbol.asyncDispose]())

/** Takes notes of all a subscription says, in order. */
function follow(subscription: StreamSubscription | AllStreamSubscription) {
  const notes: string[] = []
  let error: unknown
  subscription
    .on('data', ({ event }: { event?: { type: string; revision: bigint } }) =>
      notes.push(`${event?.type} ${event?.revision}`),
    )
    .on('confirmation', () => notes.push('confirmed'))
    .on('caughtUp', () => notes.push('caught up'))
    .on('error', (thrown: unknown) => {
      error = thrown
    })
  return {
    notes,
    error: () => error,
    [Symbol.asyncDispose]: async () => {
      await subscription.unsubscribe()
    },
  }
}

async function write(stream: string, ...types: string[]): Promise<void> {
  for (const type of types) await es.client.appendToStream(stream, eventOf(undefined, type))
}

test('a stream is followed from its start: confirmation, events, caught up, then what comes', async () => {
  const stream = freshStream()
  await write(stream, 'A', 'B')
  await using seen = follow(es.client.subscribeToStream(stream))
  await eventually(() => expect(seen.notes).toContain('caught up'))

  await write(stream, 'C')

  const expected = ['confirmed', 'A 0', 'B 1', 'caught up', 'C 2']
  await eventually(() => expect(seen.notes).toEqual(expected))
})

test('a stream is followed behind a revision, that one left out', async () => {
  const stream = freshStream()
  await write(stream, 'A', 'B', 'C')

  await using seen = follow(es.client.subscribeToStream(stream, { fromRevision: 1n }))

  await eventually(() => expect(seen.notes).toEqual(['confirmed', 'C 2', 'caught up']))
})

test('a stream is followed from its end', async () => {
  const stream = freshStream()
  await write(stream, 'A')
  await using seen = follow(es.client.subscribeToStream(stream, { fromRevision: END }))
  await eventually(() => expect(seen.notes).toContain('caught up'))

  await write(stream, 'B')

  await eventually(() => expect(seen.notes).toEqual(['confirmed', 'caught up', 'B 1']))
})

test('a stream can be followed before it exists', async () => {
  const stream = freshStream()
  await using seen = follow(es.client.subscribeToStream(stream))
  await eventually(() => expect(seen.notes).toEqual(['confirmed']))

  await write(stream, 'A')

  await eventually(() => expect(seen.notes).toEqual(['confirmed', 'A 0', 'caught up']))
})

test('a follower sees only what its stream shows', async () => {
  const stream = freshStream()
  await write(stream, 'A', 'B', 'C')
  await es.client.setStreamMetadata(stream, { maxCount: 1 })

  await using seen = follow(es.client.subscribeToStream(stream))

  await eventually(() => expect(seen.notes).toEqual(['confirmed', 'C 2', 'caught up']))
})

test('following a stream ends with an error when it is tombstoned', async () => {
  const stream = freshStream()
  await write(stream, 'A')
  await using seen = follow(es.client.subscribeToStream(stream))
  await eventually(() => expect(seen.notes).toContain('caught up'))

  await es.client.tombstoneStream(stream)

  await eventually(() => expect(seen.error()).toBeInstanceOf(StreamDeletedError))
})

test('the whole log is followed from a position, that one left out', async () => {
  const stream = freshStream()
  await write(stream, 'A')
  const { position } = await es.client.appendToStream(stream, eventOf(undefined, 'B'))
  await write(stream, 'C')

  await using seen = follow(es.client.subscribeToAll({ fromPosition: position ?? START }))

  await eventually(() => expect(seen.notes).toEqual(['confirmed', 'C 2', 'caught up']))
})

test('the whole log is followed from its end', async () => {
  const stream = freshStream()
  await using seen = follow(es.client.subscribeToAll({ fromPosition: END }))
  await eventually(() => expect(seen.notes).toContain('caught up'))

  await write(stream, 'A', 'B')

  await eventually(() => expect(seen.notes).toEqual(['confirmed', 'caught up', 'A 0', 'B 1']))
})

test('a checkpoint names the first of every 32 events searched while catching up, whether any matched', async () => {
  const fromPosition = await startOfLog()
  const stream = freshStream()
  await es.client.appendToStream(
    stream,
    freshIds(100).map((id) => eventOf(id)),
  )
  const read = await collect(es.client.readStream(stream))
  const positions = read.map(({ event }) => event?.position?.commit)
  const checkpoints: bigint[] = []
  const filter = eventTypeFilter({
    prefixes: ['NoSuchType'],
    checkpointInterval: 1,
    checkpointReached: async (_subscription, { commit }) => void checkpoints.push(commit),
  })

  await using seen = follow(es.client.subscribeToAll({ filter, fromPosition }))

  await eventually(() => expect(seen.notes).toEqual(['confirmed', 'caught up']))
  expect(checkpoints).toEqual([positions[0], positions[32], positions[64]])
})

test('checkpoints are as many times rarer as was asked for', async () => {
  const fromPosition = await startOfLog()
  await es.client.appendToStream(
    freshStream(),
    freshIds(200).map((id) => eventOf(id)),
  )
  const checkpoints: bigint[] = []
  const filter = eventTypeFilter({
    prefixes: ['NoSuchType'],
    maxSearchWindow: 50,
    checkpointInterval: 2,
    checkpointReached: async (_subscription, { commit }) => void checkpoints.push(commit),
  })

  await using seen = follow(es.client.subscribeToAll({ filter, fromPosition }))

  await eventually(() => expect(seen.notes).toContain('caught up'))
  expect(checkpoints).toHaveLength(2)
})

test('followers that join while others write miss nothing and see nothing twice', async () => {
  const stream = freshStream()
  const writing = (async () => {
    for (let n = 0; n < 200; n++) await write(stream, 'N')
  })()
  const followers = Array.from({ length: 5 }, () => follow(es.client.subscribeToStream(stream)))
  await writing

  const expected = Array.from({ length: 200 }, (_, n) => `N ${n}`)
  for (const { notes } of followers)
    await eventually(() => expect(notes.filter((note) => note.startsWith('N '))).toEqual(expected))
  for (const { notes } of followers)
    expect(notes.filter((note) => note === 'caught up')).toHaveLength(1)
  await Promise.all(followers.map((follower) => follower[Symbol.asyncDispose]()))
})

test('a follower that has left takes nothing from the others', async () => {
  const stream = freshStream()
  const leaving = es.client.subscribeToAll()
  const seen = follow(leaving)
  await eventually(() => expect(seen.notes).toContain('caught up'))
  await leaving.unsubscribe()

  await write(stream, 'A')

  expect(await es.idsOf(stream)).toHaveLength(1)
})

async function startOfLog() {
  const commit = await es.lastPosition()
  return commit === 0n ? START : { commit, prepare: commit }
}
