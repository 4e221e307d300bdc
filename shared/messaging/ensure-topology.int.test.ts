import { eventStreamName, provisionersConsumer } from '#contracts'
import { testMessaging } from '#test/servers/test-messaging'
import { natsWith } from '#test/servers/nats-with'
import { testNats } from '#test/servers/test-nats'
import { nanos, RetentionPolicy, StorageType, type NatsConnection } from 'nats'
import { expect, test } from 'vitest'
import { ensureTopology } from './ensure-topology.ts'
import { leaseStream } from './topology.ts'

const MEGABYTE = 1_048_576
const timings = { ackWaitMs: 3_000, leaseTtlMs: 2_000 }

async function topologyOf(connection: NatsConnection) {
  const manager = await connection.jetstreamManager()
  const { config: events, created } = await manager.streams.info(eventStreamName)
  const { config: consumer } = await manager.consumers.info(eventStreamName, provisionersConsumer)
  const { config: leases } = await manager.streams.info(leaseStream)
  return { events, created, consumer, leases }
}

test('making the topology again changes nothing', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  const before = await topologyOf(nats.connection)

  await ensureTopology(messaging)

  expect(await topologyOf(nats.connection)).toEqual(before)
})

test('many services that start at once on an empty server make it together', async () => {
  await using nats = await testNats()
  const services = await Promise.all(
    Array.from({ length: 8 }, () => testMessaging(nats.url, { timings: 'none' })),
  )

  await Promise.all(
    services.map((service, i) =>
      i % 2 ? ensureTopology(service, timings) : ensureTopology(service),
    ),
  )

  expect((await topologyOf(nats.connection)).consumer.ack_wait).toBe(nanos(timings.ackWaitMs))
  await Promise.all(services.map((service) => service.close()))
})

test('a service without timings leaves those that the provisioners gave', async () => {
  await using nats = await testNats()
  await using relay = await testMessaging(nats.url, { timings: 'none' })
  await using provisioner = await testMessaging(nats.url, { timings })

  await ensureTopology(provisioner)
  await ensureTopology(relay)

  const { consumer, leases } = await topologyOf(nats.connection)
  expect(consumer.ack_wait).toBe(nanos(timings.ackWaitMs))
  expect(leases.max_age).toBe(nanos(timings.leaseTtlMs))
})

const sizes: [string, number][] = [
  ['max_file_store: 4GB', 512],
  ['max_file_store: 100MB', 64],
  ['max_file_store: 10MB', 8],
]

test.for(sizes)(
  'a NATS with %s gives the stream of events %i MB, also when many ask at once',
  async ([setting, size]) => {
    await using nats = await natsWith(`jetstream { max_memory_store: 64MB, ${setting} }`)
    const services = await Promise.all(
      Array.from({ length: 6 }, () => testMessaging(nats.url, { timings: 'none' })),
    )

    await Promise.all(services.map((service) => ensureTopology(service)))

    const [service] = services
    if (service === undefined) throw new Error('no service')
    expect((await topologyOf(service.connection)).events.max_bytes).toBe(size * MEGABYTE)
    await Promise.all(services.map((each) => each.close()))
  },
)

test('the size that an operator gave the stream of events stays, and one without gets it', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  const manager = await nats.connection.jetstreamManager()
  const sizeAfter = async (max_bytes: number) => {
    await manager.streams.update(eventStreamName, { max_bytes })
    await ensureTopology(messaging)
    return (await topologyOf(nats.connection)).events.max_bytes
  }

  expect(await sizeAfter(700 * MEGABYTE)).toBe(700 * MEGABYTE)
  expect(await sizeAfter(-1)).toBe(512 * MEGABYTE)
})

test('a stream of an earlier version is brought up to date and keeps its messages and replicas', async () => {
  await using nats = await testNats()
  const manager = await nats.connection.jetstreamManager()
  const outdated = { name: eventStreamName, subjects: ['evt.>'], max_age: nanos(60_000) }
  await manager.streams.add({
    ...outdated,
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
  })
  await nats.connection.jetstream().publish('evt.s1.0.StoreRequested', '{}')

  await using messaging = await testMessaging(nats.url)
  await ensureTopology(messaging)

  const { events } = await topologyOf(nats.connection)
  expect(events.subjects).toEqual(['evt.>', 'notify.*'])
  expect((await manager.streams.info(eventStreamName)).state.messages).toBe(1)
})
