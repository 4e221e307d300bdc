import { setTimeout as wait } from 'node:timers/promises'
import { eventually } from '#test/eventually'
import { collect, newEvents, newStream } from '#test/event-store-events'
import { eventStoreCluster } from '#test/servers/eventstore-cluster'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EventStore } from './event-store.ts'
import { openEventStore } from './open-event-store.ts'

const SEEDS = Number(process.env['TEST_SEEDS'] ?? 6)
const FAULTS = 3
const WRITERS = 4

let cluster: Awaited<ReturnType<typeof eventStoreCluster>>
let store: EventStore
let random: () => number = Math.random
beforeAll(async () => {
  cluster = await eventStoreCluster({ electionMs: 150, isWritten: () => random() < 0.5 })
  store = openEventStore({ connectionString: cluster.url, timeoutMs: 30_000 })
})
afterAll(async () => {
  await store.close()
  await cluster[Symbol.asyncDispose]()
})

type Fault = (n: number) => (() => unknown) | Promise<() => unknown>

/** Each breaks something at node n and returns what makes it whole. */
const faults: Fault[] = [
  (n) => {
    cluster.kill(n)
    return () => cluster.start(n)
  },
  (n) => {
    cluster.freeze(n)
    return () => cluster.thaw(n)
  },
  (n) => {
    cluster.isolate(n)
    return () => cluster.rejoin(n)
  },
  () => {
    for (const n of [0, 1, 2]) cluster.isolate(n)
    return () => [0, 1, 2].forEach((n) => cluster.rejoin(n))
  },
  async () => {
    for (const n of [0, 1, 2]) cluster.kill(n)
    return () => Promise.all([0, 1, 2].map((n) => cluster.start(n)))
  },
  (n) => {
    cluster.moveLeader(n)
    return () => undefined
  },
  ...(['not ready', 'busy', 'timed out', 'unanswered', 'garbled'] as const).map((fate) => () => {
    cluster.setFate(fate)
    return () => cluster.setFate(undefined)
  }),
]

test.each(Array.from({ length: SEEDS }, (_, seed) => seed))(
  'seed %i: every append is done once, whatever fails in between',
  async (seed) => {
    random = seeded(seed)
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
      const heal = await fault?.(Math.floor(random() * 3))
      await wait(100 + random() * 500)
      await heal?.()
      await wait(random() * 100)
    }
    over.abort()

    for (const { stream, ids } of await Promise.all(writers)) {
      const read = await eventually(() => collect(store.readStream(stream)))
      expect(read.map(({ id }) => id)).toEqual(ids)
    }
  },
  90_000,
)

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
