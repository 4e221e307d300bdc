import { randomUUID } from 'node:crypto'
import { eventStreamName, provisionersConsumer } from '#contracts'
import { ensureTopology } from '#messaging'
import { eventually } from '#test/eventually'
import { natsCluster } from '#test/servers/nats-cluster'
import { testEventStore } from '#test/servers/test-eventstore'
import { testMessaging } from '#test/servers/test-messaging'
import { storedEvents } from '#test/stored-messages'
import { appendTo, testLog } from '#test/test-events'
import type { NatsConnection } from 'nats'
import { expect, test } from 'vitest'
import { parseConfig } from '../../services/relay/config.ts'
import { start } from '../../services/relay/start.ts'

const nodes = [0, 1, 2]
const streams = [eventStreamName, 'KV_LEASES', 'KV_PERMITS']
const soon = { timeoutMs: 90_000, everyMs: 200 }

async function replicasOf(connection: NatsConnection) {
  const manager = await connection.jetstreamManager()
  const infos = await Promise.all(streams.map((stream) => manager.streams.info(stream)))
  const consumer = await manager.consumers.info(eventStreamName, provisionersConsumer)
  return [...infos, consumer].map(({ cluster }) => 1 + (cluster?.replicas?.length ?? 0))
}

/** A relay in this process on three servers, and what it has published. */
async function relayOnCluster(options: { isSingle?: boolean } = {}) {
  await using building = new AsyncDisposableStack()
  const cluster = building.use(await natsCluster(options))
  const log = building.use(await testEventStore())
  const store = building.use(testLog(log.url))
  const ended: Error[] = []
  const config = { EVENTSTORE_URL: log.url, NATS_URL: cluster.url, LOG_LEVEL: 'silent' }
  const relay = await start(parseConfig(config), (error) => void ended.push(error))
  building.defer(relay.close)
  const messaging = building.use(await eventually(() => testMessaging(cluster.url), soon))
  const isReady = async () => expect((await fetch(`${relay.url}/health/ready`)).status).toBe(200)
  await eventually(isReady, soon)
  const stack = building.move()
  return {
    cluster,
    messaging,
    ended,
    isReady,
    append: () => appendTo(store, randomUUID(), ['StoreRequested', 'ProvisioningStarted']),
    published: async () =>
      (await storedEvents(messaging.connection)).map(({ eventId }) => eventId).toSorted(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

test('on three servers stream, consumer and buckets have three replicas', async () => {
  await using cluster = await natsCluster()
  await using messaging = await eventually(() => testMessaging(cluster.url), soon)

  await eventually(async () => {
    expect(await replicasOf(messaging.connection)).toEqual([3, 3, 3, 3])
  }, soon)
})

// nats-server may begin with empty streams when it joins others: what was in them is in the log.
test('one server that becomes one of three has three replicas of everything, and all events', async () => {
  await using world = await relayOnCluster({ isSingle: true })
  const { connection } = world.messaging
  expect(await replicasOf(connection)).toEqual([1, 1, 1, 1])
  const ids = await world.append()
  await eventually(async () => expect(await world.published()).toEqual(ids.toSorted()), soon)
  await world.cluster.kill(0)
  for (const node of nodes) await world.cluster.start(node)

  await eventually(async () => {
    await ensureTopology(world.messaging)
    expect(await replicasOf(connection)).toEqual([3, 3, 3, 3])
  }, soon)

  ids.push(...(await world.append()))
  await eventually(async () => expect(await world.published()).toEqual(ids.toSorted()), soon)
  expect(world.ended).toEqual([])
})

test.each(['kill', 'freeze'] as const)(
  'F52: events are published while any one of three servers is lost (%s)',
  async (fault) => {
    await using world = await relayOnCluster()
    const ids: string[] = []
    for (const node of nodes) {
      await world.cluster[fault](node)
      ids.push(...(await world.append()))

      await eventually(async () => expect(await world.published()).toEqual(ids.toSorted()), soon)
      if (fault === 'kill') await world.cluster.start(node)
      else world.cluster.thaw(node)
      await eventually(world.isReady, soon)
    }
    expect(world.ended).toEqual([])
  },
)

test('F53: what happens while no server leads is published afterwards', async () => {
  await using world = await relayOnCluster()
  for (const node of nodes) world.cluster.isolate(node)
  await eventually(() => expect(world.messaging.ping(2_000)).rejects.toThrow('answer'), soon)
  const ids = await world.append()
  await eventually(() => expect(world.isReady()).rejects.toThrow('503'), soon)

  for (const node of nodes) world.cluster.rejoin(node)

  await eventually(async () => expect(await world.published()).toEqual(ids.toSorted()), soon)
  await eventually(world.isReady, soon)
  expect(world.ended).toEqual([])
})

test('F54: a service at a server that was cut off goes to another by itself', async () => {
  await using world = await relayOnCluster()
  const { connection } = world.messaging
  const port = connection.getServer().split(':').at(-1)
  const node = world.cluster.urls.findIndex((url) => url.endsWith(`:${port}`))

  world.cluster.isolate(node)

  await eventually(() => expect(connection.getServer()).not.toContain(`:${port}`), soon)
  await eventually(() => world.messaging.ping(2_000), soon)
  const ids = await world.append()
  await eventually(async () => expect(await world.published()).toEqual(ids.toSorted()), soon)
  await eventually(world.isReady, soon)
})
