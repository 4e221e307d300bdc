import { setTimeout as wait } from 'node:timers/promises'
import { eventually } from '#test/eventually'
import { collect, newEvents, newStream } from '#test/event-store-events'
import { eventStoreCluster } from '#test/servers/eventstore-cluster'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EventStore } from './event-store.ts'
import { openEventStore } from './open-event-store.ts'

const SEEDS = Number(process.env['TEST_SEEDS'] ?? 100)
const FAULTS = 3
const WRITERS = 4
/** As many as vitest runs tests side by side. */
const LANES = 5

/** A cluster of its own and a client of it, for one schedule at a time. */
interface Lane {
  cluster: Awaited<ReturnType<typeof eventStoreCluster>>
  store: EventStore
  random: () => number
}
const idle: Lane[] = []
/** From the moment at which nothing is broken any more to the next append that is done. */
const recoveredMs: number[] = []

beforeAll(async () => {
  for (let count = 0; count < LANES; count++) {
    const isWritten = () => lane.random() < 0.5
    const cluster = await eventStoreCluster({ electionMs: 150, isWritten })
    const store = openEventStore({ connectionString: cluster.url, timeoutMs: 30_000 })
    const lane = { cluster, store, random: Math.random }
    idle.push(lane)
  }
})
afterAll(async () => {
  for (const { store, cluster } of idle) {
    await store.close()
    await cluster[Symbol.asyncDispose]()
  }
  const sorted = recoveredMs.toSorted((one, other) => one - other)
  const [p50, max] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)].map((ms) =>
    Math.round(ms ?? 0),
  )
  process.stdout.write(`${sorted.length} schedules, recovered after p50 ${p50} ms, max ${max} ms\n`)
})

type Fault = (lane: Lane, n: number) => (() => unknown) | Promise<() => unknown>

/** Each breaks something at node n and returns what makes it whole. */
const faults: Fault[] = [
  ({ cluster }, n) => {
    cluster.kill(n)
    return () => cluster.start(n)
  },
  ({ cluster }, n) => {
    cluster.freeze(n)
    return () => cluster.thaw(n)
  },
  ({ cluster }, n) => {
    cluster.isolate(n)
    return () => cluster.rejoin(n)
  },
  ({ cluster }) => {
    for (const n of [0, 1, 2]) cluster.isolate(n)
    return () => [0, 1, 2].forEach((n) => cluster.rejoin(n))
  },
  async ({ cluster }) => {
    for (const n of [0, 1, 2]) cluster.kill(n)
    return () => Promise.all([0, 1, 2].map((n) => cluster.start(n)))
  },
  ({ cluster }, n) => {
    cluster.moveLeader(n)
    return () => undefined
  },
  ...(['not ready', 'busy', 'timed out', 'unanswered', 'garbled'] as const).map(
    (fate): Fault =>
      ({ cluster }) => {
        cluster.setFate(fate)
        return () => cluster.setFate(undefined)
      },
  ),
]

test.concurrent.each(Array.from({ length: SEEDS }, (_, seed) => seed))(
  'seed %i: every append is done once, whatever fails in between',
  async (seed) => {
    const lane = idle.pop()
    if (lane === undefined) throw new Error('More tests run side by side than there are clusters')
    try {
      for (const { acknowledged, stored } of await runSchedule(lane, seed))
        expect(stored).toEqual(acknowledged)
    } finally {
      idle.push(lane)
    }
  },
  120_000,
)

/** What each writer was told is written, and what is there in the end. */
async function runSchedule(lane: Lane, seed: number) {
  const { store } = lane
  const random = seeded(seed)
  lane.random = random
  const over = new AbortController()
  const writers = Array.from({ length: WRITERS }, async () => {
    const stream = newStream()
    const ids: string[] = []
    while (!over.signal.aborted) {
      const events = newEvents(2)
      const expected = ids.length === 0 ? 'no_stream' : BigInt(ids.length - 1)
      await store.append(stream, events, expected)
      ids.push(...events.map(({ id }) => id))
      await wait(5)
    }
    return { stream, ids }
  })

  for (let count = 0; count < FAULTS; count++) {
    const fault = faults[Math.floor(random() * faults.length)]
    const heal = await fault?.(lane, Math.floor(random() * 3))
    await wait(100 + random() * 500)
    await heal?.()
    const wholeAt = performance.now()
    await store.append(newStream(), newEvents(), 'no_stream')
    recoveredMs.push(performance.now() - wholeAt)
    await wait(random() * 100)
  }
  over.abort()

  return Promise.all(
    (await Promise.all(writers)).map(async ({ stream, ids }) => {
      const read = await eventually(() => collect(store.readStream(stream)))
      return { acknowledged: ids, stored: read.map(({ id }) => id) }
    }),
  )
}

/** Mulberry32: the same numbers for the same seed. */
function seeded(seed: number): () => number {
  let state = seed * 0x9e3779b9
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
