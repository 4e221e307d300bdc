import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { storeStream } from '#domain'
import { type EventStore, openEventStore, storeIdOf } from '#eventstore'
import { eventually } from '#test/eventually'
import { collect, newEvents, newStream } from '#test/event-store-events'
import { type FairClock, fairClock } from '#test/fair-clock'
import { clientOf, freshTenant } from '#test/http/client'
import { chosenSeeds, p50AndMax, pick, seeded, seedsBelow } from '#test/seeded'
import { eventStoreCluster } from '#test/servers/eventstore-cluster'
import { testEventStore } from '#test/servers/test-eventstore'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseConfig } from './config.ts'
import { start } from './start.ts'

const FAULTS = 3
const WRITERS = 4
/** As many as vitest runs tests side by side. */
const LANES = 8
const PROBE_EVERY_MS = 200
/** For a machine that stands still for minutes. */
const PATIENCE_MS = 600_000
/** What docs/failure-modes.md promises. */
const NOTICED_MS = 10_000
const RECOVERED_MS = 5_000

/** A cluster of its own, a client of it and a command API, for one schedule at a time. */
interface Lane {
  cluster: Awaited<ReturnType<typeof eventStoreCluster>>
  store: EventStore
  url: string
  random: () => number
}
const idle: Lane[] = []
const running = new AsyncDisposableStack()
let clock: FairClock
const noticedMs: number[] = []
const recoveredMs: number[] = []

beforeAll(async () => {
  const { url: behind } = running.use(await testEventStore())
  const direct = openEventStore({ connectionString: behind })
  running.defer(() => direct.close())
  clock = running.use(fairClock(() => direct.ping(30_000).catch(() => undefined)))
  for (let count = 0; count < LANES; count++) {
    const isWritten = () => lane.random() < 0.5
    const cluster = running.use(await eventStoreCluster({ electionMs: 150, behind, isWritten }))
    const store = openEventStore({ connectionString: cluster.url, timeoutMs: PATIENCE_MS })
    running.defer(() => store.close())
    const config = { AUTH: 'off', LOG_LEVEL: 'silent', LOOP_DELAY_MAX_MS: '60000' }
    const api = await start(parseConfig({ ...config, EVENTSTORE_URL: cluster.url }))
    running.defer(() => api.close())
    const lane: Lane = { cluster, store, url: api.url, random: Math.random }
    idle.push(lane)
  }
})
afterAll(async () => {
  const counted = clock.counted()
  await running.disposeAsync()
  process.stdout.write(`${counted} of the time was counted\n`)
  process.stdout.write(`not ready after ${p50AndMax(noticedMs)} that end appends\n`)
  process.stdout.write(`ready and appending again after ${p50AndMax(recoveredMs)}\n`)
})

interface Fault {
  name: string
  /** Breaks something at node n and returns what makes it whole. */
  breakAt: (lane: Lane, n: number) => () => unknown
  /** Nothing can be appended meanwhile. */
  isDead: boolean
}

const nodes = [0, 1, 2]
const heals = { kill: 'start', freeze: 'thaw', isolate: 'rejoin' } as const

/** The same at each of the nodes that `isHit` chooses. */
const hit = (
  name: string,
  what: keyof typeof heals,
  isHit: (node: number, n: number) => boolean,
): Fault => ({
  name: `${what} ${name}`,
  breakAt: ({ cluster }, n) => {
    const chosen = nodes.filter((node) => isHit(node, n))
    for (const node of chosen) cluster[what](node)
    return async () => {
      for (const node of chosen) await cluster[heals[what]](node)
    }
  },
  isDead: name !== 'one',
})

const faults: Fault[] = [
  ...(['kill', 'freeze', 'isolate'] as const).flatMap((what) => [
    hit('one', what, (node, n) => node === n),
    hit('two', what, (node, n) => node !== n),
    hit('all', what, () => true),
  ]),
  {
    name: 'another leader',
    breakAt: ({ cluster }, n) => {
      cluster.moveLeader(n)
      return () => undefined
    },
    isDead: false,
  },
  ...(['not ready', 'busy', 'timed out', 'unanswered', 'garbled'] as const).map((fate): Fault => ({
    name: `every append ${fate}`,
    breakAt: ({ cluster }) => {
      cluster.setFate(fate)
      return () => cluster.setFate(undefined)
    },
    isDead: true,
  })),
]

test.concurrent.each(chosenSeeds(seedsBelow(100)))(
  'seed %i: every append is done once, and readiness says in time whether appends are done',
  async (seed) => {
    const lane = idle.pop()
    if (lane === undefined) throw new Error('More tests run side by side than there are clusters')
    try {
      for (const { acknowledged, stored } of await runSchedule(lane, seeded(seed)))
        expect(stored).toEqual(acknowledged)
    } finally {
      idle.push(lane)
    }
  },
  PATIENCE_MS,
)

/** What each writer was told is written, and what is there in the end. */
async function runSchedule(lane: Lane, random: () => number) {
  const { cluster, store } = lane
  lane.random = random
  await using probes = probe(lane)
  await using writing = write(lane)

  for (let count = 0; count < FAULTS; count++) {
    const { name, breakAt, isDead } = pick(faults, random)
    const n = Math.floor(random() * 3)
    const heal = breakAt(lane, n)
    const broken = performance.now()
    if (isDead) {
      const what = `readiness was false after "${name}"`
      const isNoticed = () => probes.since(broken).includes(503)
      noticedMs.push(await clock.within(NOTICED_MS, what, isNoticed))
    }
    await wait(100 + random() * 500)
    if (isDead && probes.since(broken).includes(200))
      throw new Error(`Readiness was true after "${name}"`)
    await heal()
    await eventually(() => expect(cluster.isWhole()).toBe(true))

    const whole = performance.now()
    let isAppended = false
    const append = async () => {
      await store.append(newStream(), newEvents(), 'no_stream')
      isAppended = true
    }
    const appended = append()
    appended.catch(() => undefined)
    const what = `it appended and was ready after "${name}" at node ${n}`
    const isRecovered = () => isAppended && probes.since(whole).includes(200)
    recoveredMs.push(await clock.within(RECOVERED_MS, what, isRecovered))
    await appended
    await wait(random() * 100)
  }

  return writing.end()
}

/** Asks the command API for readiness again and again, as an orchestrator does. */
function probe({ url }: Lane) {
  const over = new AbortController()
  const all: { begun: number; status: number }[] = []
  const asking = (async () => {
    while (!over.signal.aborted) {
      const begun = performance.now()
      const { status } = await fetch(`${url}/health/ready`)
      all.push({ begun, status })
      await wait(PROBE_EVERY_MS)
    }
  })()
  asking.catch(() => undefined)
  return {
    /** The answers to what was asked after that. */
    since: (time: number) => all.filter(({ begun }) => begun > time).map(({ status }) => status),
    [Symbol.asyncDispose]: async () => {
      over.abort()
      await asking
    },
  }
}

/** Streams that grow, each by one writer, and stores that a client requests until they are accepted. */
function write({ store, url }: Lane) {
  const over = new AbortController()
  const tenant = freshTenant()
  const { create } = clientOf(url, tenant)
  const writers = Array.from({ length: WRITERS }, async () => {
    const stream = newStream()
    const ids: string[] = []
    while (!over.signal.aborted) {
      const events = newEvents(2)
      const expected = ids.length === 0 ? 'no_stream' : BigInt(ids.length - 1)
      await store.append(stream, events, expected)
      ids.push(...events.map(({ id }) => id))
      await wait(15)
    }
    return { stream, ids }
  })
  const accepted = (async () => {
    const stores: string[] = []
    while (!over.signal.aborted) {
      const key = randomUUID()
      let status = 0
      while (status !== 202) {
        ;({ status } = await create({ key }))
        expect([202, 503]).toContain(status)
        await wait(100)
      }
      stores.push(storeStream(storeIdOf(tenant, key)))
    }
    return stores
  })()
  const all = Promise.all([Promise.all(writers), accepted])
  all.catch(() => undefined)
  const end = async () => {
    over.abort()
    const [written, stores] = await all
    const streams = written.map(({ stream, ids }) =>
      compare(stream, ids, (read) => read.map(({ id }) => id)),
    )
    const requested = stores.map((stream) =>
      compare(stream, ['StoreRequested'], (read) => read.map(({ type }) => type)),
    )
    return Promise.all([...streams, ...requested])
  }
  const compare = async (
    stream: string,
    acknowledged: string[],
    shown: (read: Awaited<ReturnType<typeof collect>>) => string[],
  ) => ({ acknowledged, stored: shown(await eventually(() => collect(store.readStream(stream)))) })
  return { end, [Symbol.asyncDispose]: async () => over.abort() }
}
