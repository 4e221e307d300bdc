import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { decodeStoreEvent, eventStreamName } from '#contracts'
import { releaseNameOf, store, storeStream } from '#domain'
import { type EventStore, handleCommand } from '#eventstore'
import { collect } from '#test/event-store-events'
import { eventually } from '#test/eventually'
import { helmStub, overlaps } from '#test/provisioner/helm-stub'
import { contextOf, requestOf } from '#test/provisioner/provisioner-world'
import { chosenSeeds, p50AndMax, pick, seeded } from '#test/seeded'
import { META, natsCluster } from '#test/servers/nats-cluster'
import { testEventStore } from '#test/servers/test-eventstore'
import { storedEvents } from '#test/stored-messages'
import { tempFolder } from '#test/temp-folder'
import { testLog } from '#test/test-events'
import { connect } from 'nats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as provisioner from '../../services/provisioner/config.ts'
import { start as startProvisioner } from '../../services/provisioner/start.ts'
import * as relay from '../../services/relay/config.ts'
import { start as startRelay } from '../../services/relay/start.ts'

const FAULTS = 3
/** Between them they freeze, cut off and kill one server, two and all of them. */
const USUAL = [2, 4]
const HOLD_MAX_MS = 5_000
/** An election in a network in pieces has taken 95 s. */
const soon = { timeoutMs: 180_000, everyMs: 200 }
const nodes = [0, 1, 2]
const heals = { kill: 'start', freeze: 'thaw', isolate: 'rejoin' } as const
const faults = ['kill', 'freeze', 'isolate'] as const

/** Whom a fault hits; n is a node that the seed chose. */
const targets = {
  'one server': async (n) => [n],
  'the leader of the stream': async (_n, { leaderOf }) => [await leaderOf(eventStreamName)],
  'the leader of JetStream': async (_n, { leaderOf }) => [await leaderOf(META)],
  'two servers': async (n) => nodes.filter((node) => node !== n),
  'all servers': async () => nodes,
} satisfies Record<string, (n: number, cluster: Cluster) => Promise<number[]>>

type Cluster = Awaited<ReturnType<typeof natsCluster>>
type World = Awaited<ReturnType<typeof openWorld>>

const running = new AsyncDisposableStack()
let world: World
const recoveredMs: number[] = []

beforeAll(async () => {
  world = running.use(await openWorld())
})
afterAll(async () => {
  await running.disposeAsync()
  process.stdout.write(`all published and provisioned after ${p50AndMax(recoveredMs)}\n`)
})

test.each(chosenSeeds(USUAL))(
  'F52 to F54, seed %i: nothing is lost or done twice whatever becomes of the servers, and no service is started again',
  { timeout: 900_000 },
  async (seed) => {
    const random = seeded(seed)
    const requested: string[] = []
    for (let count = 0; count < FAULTS; count++) {
      const fault = pick(faults, random)
      const target = pick(Object.keys(targets).filter(isTarget), random)
      const n = Math.floor(random() * 3)
      const holdMs = 500 + random() * HOLD_MAX_MS
      const hit = await eventually(() => targets[target](n, world.cluster), soon)

      requested.push(await world.request())
      for (const node of hit) await world.cluster[fault](node)
      const hold = wait(holdMs)
      requested.push(await world.request())
      await hold
      for (const node of hit) await world.cluster[heals[fault]](node)

      const whole = performance.now()
      await eventually(() => assertWorking(requested), soon).catch((cause: unknown) => {
        throw new Error(`It does not recover from: ${fault} ${target} (${hit.join()})`, { cause })
      })
      recoveredMs.push(performance.now() - whole)
    }
    await eventually(() => assertPublishedOnce(requested), soon)
    await assertProvisionedOnce(requested)
    expect(world.ended).toEqual([])
  },
)

const isTarget = (name: string): name is keyof typeof targets => name in targets

/** Three nats-servers, with a relay and two provisioners that must live through whatever happens to them. */
async function openWorld() {
  await using building = new AsyncDisposableStack()
  const log = building.use(await testEventStore())
  const folder = building.use(await tempFolder('storewright-nats-seeds-'))
  const cluster = building.use(await natsCluster())
  const eventStore = building.use(testLog(log.url))
  const helm = await helmStub(join(folder.path, 'stub'))
  const ended: Error[] = []
  const onFatal = (error: Error) => void ended.push(error)
  const settings = { EVENTSTORE_URL: log.url, NATS_URL: cluster.url, LOG_LEVEL: 'silent' }
  const services = [await startRelay(relay.parseConfig(settings), onFatal)]
  for (const n of [1, 2])
    services.push(
      await startProvisioner(
        provisioner.parseConfig({
          ...settings,
          DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nowhere',
          RELEASES_DIR: join(folder.path, 'releases'),
          HELM_BIN: helm.executable,
          LEASE_MS: '4000',
          RETRY_DELAYS_MS: '100,200',
          WORKER_ID: `worker-${n}`,
        }),
        onFatal,
      ),
    )
  building.defer(async () => {
    await Promise.all(services.map(({ close }) => close()))
  })
  const assertReady = async () => {
    for (const { url } of services) {
      const answer = await fetch(`${url}/health/ready`)
      expect(await answer.text()).toContain('"failing":[]')
    }
  }
  await eventually(assertReady, soon)
  const stack = building.move()
  return {
    cluster,
    eventStore,
    helm,
    ended,
    assertReady,
    request: () => requestStore(eventStore),
    events: (storeId: string) => collect(eventStore.readStream(storeStream(storeId))),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** As command-api does it, and without telling anybody. */
async function requestStore(eventStore: EventStore): Promise<string> {
  const storeId = randomUUID()
  const command = requestOf(storeId)
  const request = {
    store: eventStore,
    decider: store,
    decode: decodeStoreEvent,
    stream: storeStream(storeId),
    command,
    context: contextOf(),
  }
  await eventually(() => handleCommand(request), soon)
  return storeId
}

async function assertWorking(requested: string[]): Promise<void> {
  for (const storeId of requested) {
    const types = (await world.events(storeId)).map(({ type }) => type)
    expect([storeId, ...types]).toContain('StoreProvisioned')
  }
  await world.assertReady()
}

async function assertPublishedOnce(requested: string[]): Promise<void> {
  const connection = await connect({ servers: world.cluster.urls })
  try {
    const published = await storedEvents(connection)
    for (const storeId of requested) {
      const here = published.filter(({ subject }) => subject.includes(storeId))
      const ids = (await world.events(storeId)).map(({ id }) => id)
      expect(here.map(({ eventId }) => eventId)).toEqual(ids)
    }
  } finally {
    await connection.close()
  }
}

async function assertProvisionedOnce(requested: string[]): Promise<void> {
  for (const storeId of requested) {
    const outcomes = (await world.events(storeId)).filter(({ type }) => type === 'StoreProvisioned')
    expect(outcomes).toHaveLength(1)
    expect(overlaps(await world.helm.runsOf(releaseNameOf(storeId)))).toEqual([])
  }
}
