import { eventually } from '#test/eventually'
import { collect, follow, newEvents, newStream } from '#test/event-store-events'
import { eventStoreCluster } from '#test/servers/eventstore-cluster'
import { DeadlineExceededError, EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { openEventStore } from './open-event-store.ts'

type ClusterOptions = Parameters<typeof eventStoreCluster>[0]

async function storeOnCluster({
  timeoutMs = 15_000,
  ...options
}: { timeoutMs?: number } & ClusterOptions = {}) {
  const cluster = await eventStoreCluster(options)
  const lines: string[] = []
  const logger = pino({ level: 'warn' }, { write: (line) => void lines.push(line) })
  const store = openEventStore({ connectionString: cluster.url, timeoutMs, logger })
  return {
    cluster,
    store,
    lines,
    async [Symbol.asyncDispose]() {
      await store.close()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

const nodes = [0, 1, 2]
const unavailable = { code: 'EVENT_STORE_UNAVAILABLE', retryable: true }

test('a service that was started before the cluster appends as soon as there is a leader', async () => {
  await using es = await storeOnCluster({ timeoutMs: 1_000 })
  for (const n of nodes) es.cluster.kill(n)
  for (let tries = 0; tries < 3; tries++)
    await expect(es.store.append(newStream(), newEvents(), 'no_stream')).rejects.toMatchObject(
      unavailable,
    )
  await expect(es.store.pingAppends(500)).rejects.toMatchObject(unavailable)

  for (const n of nodes) await es.cluster.start(n)

  await eventually(() => es.store.append(newStream(), newEvents(), 'no_stream'))
  await eventually(() => es.store.pingAppends(1_000))
})

test('F49: nodes that were cut off from each other take appends again once they are joined', async () => {
  await using es = await storeOnCluster({ timeoutMs: 1_000 })
  await es.store.append(newStream(), newEvents(), 'no_stream')
  await es.store.ping(5_000)
  for (const n of nodes) es.cluster.isolate(n)
  await eventually(() => expect(es.cluster.leader()).toBeUndefined())
  await expect(es.store.pingAppends(500)).rejects.toMatchObject(unavailable)
  await expect(es.store.ping(10_000)).resolves.toBeUndefined()

  for (const n of nodes) es.cluster.rejoin(n)

  await eventually(() => es.store.append(newStream(), newEvents(), 'no_stream'))
})

test.each(['not ready', 'busy'] as const)(
  'a server that is %s is asked until the deadline',
  async (fate) => {
    await using es = await storeOnCluster()
    es.cluster.setFate(fate)
    const stream = newStream()
    const appended = es.store.append(stream, newEvents(), 'no_stream')
    await expect(es.store.pingAppends(1_000)).rejects.toMatchObject(unavailable)
    es.cluster.setFate(undefined)

    expect(await appended).toMatchObject({ revision: 0n })
  },
)

test('a repeat of an append under way is dropped and answered Timeout', async () => {
  await using cluster = await eventStoreCluster()
  const client = EventStoreDBClient.connectionString(cluster.url)
  const stream = newStream()
  const event = jsonEvent({ type: 'Happened', data: {} })
  cluster.delayAppends(1_000)

  const answers = await Promise.all(
    [1, 2].map(() =>
      client.appendToStream(stream, event, { expectedRevision: 'no_stream' }).then(
        () => 'success',
        (error: unknown) => error instanceof DeadlineExceededError && 'timeout',
      ),
    ),
  )

  // Which of the two went first is left to the client.
  expect(new Set(answers)).toEqual(new Set(['success', 'timeout']))
  await client.dispose()
})

test('the same append twice at once is done once, and nobody else is disturbed', async () => {
  await using es = await storeOnCluster()
  await es.store.append(newStream(), newEvents(), 'no_stream')
  es.cluster.delayAppends(1_000)
  const stream = newStream()
  const events = newEvents(2)

  const twice = [1, 2].map(() => es.store.append(stream, events, 'no_stream'))
  const others = nodes.map(() => es.store.append(newStream(), newEvents(), 'no_stream'))

  const [first, second] = await Promise.all(twice)
  expect(second).toEqual(first)
  await Promise.all(others)
  expect(await collect(es.store.readStream(stream))).toHaveLength(2)
  expect(es.lines).toEqual([])
})

test('an append that was written and answered as timed out is done once', async () => {
  await using es = await storeOnCluster()
  es.cluster.setFate('timed out')
  const stream = newStream()
  const appended = es.store.append(stream, newEvents(2), 'no_stream')
  await eventually(async () => expect(await collect(es.store.readStream(stream))).toHaveLength(2))
  es.cluster.setFate(undefined)

  expect(await appended).toMatchObject({ revision: 1n })
})

test('an answer to an append nobody knows does not end the process', async () => {
  await using es = await storeOnCluster()
  await es.store.append(newStream(), newEvents(), 'no_stream')
  es.cluster.setFate('garbled')
  const appended = es.store.append(newStream(), newEvents(), 'no_stream')
  await expect(es.store.pingAppends(500)).rejects.toMatchObject(unavailable)
  es.cluster.setFate(undefined)

  expect(await appended).toMatchObject({ revision: 0n })
})

test('a caller with little time left does not take the connection from the others', async () => {
  await using es = await storeOnCluster()
  await using hasty = {
    store: openEventStore({ connectionString: es.cluster.url, timeoutMs: 200 }),
    [Symbol.asyncDispose]: () => hasty.store.close(),
  }
  await es.store.append(newStream(), newEvents(), 'no_stream')
  es.cluster.delayAppends(1_000)
  const others = nodes.map(() => es.store.append(newStream(), newEvents(), 'no_stream'))

  await expect(hasty.store.append(newStream(), newEvents(), 'no_stream')).rejects.toMatchObject(
    unavailable,
  )

  await Promise.all(others)
  expect(es.lines).toEqual([])
})

test.each(['kill', 'freeze', 'isolate'] as const)(
  'F48, F50: appends in flight when the leader is lost (%s) are done by the next',
  async (fault) => {
    await using es = await storeOnCluster({ timeoutMs: 25_000 })
    await es.store.append(newStream(), newEvents(), 'no_stream')
    es.cluster.delayAppends(100)
    const streams = Array.from({ length: 10 }, newStream)
    const appends = streams.map((stream) => es.store.append(stream, newEvents(2), 'no_stream'))

    es.cluster[fault](0)

    await Promise.all(appends)
    expect(es.cluster.leader()).not.toBe(0)
    for (const stream of streams) expect(await collect(es.store.readStream(stream))).toHaveLength(2)
  },
)

test('F51: while the nodes are restarted in turn, appends and reads only take longer', async () => {
  await using es = await storeOnCluster({ timeoutMs: 25_000 })
  const stream = newStream()
  const ids: string[] = []
  for (const n of nodes) {
    es.cluster.kill(n)
    const events = newEvents(2)
    const expected = ids.length === 0 ? 'no_stream' : BigInt(ids.length - 1)
    const appended = es.store.append(stream, events, expected)
    await es.cluster.start(n)
    await appended
    ids.push(...events.map(({ id }) => id))
    expect((await collect(es.store.readStream(stream))).map(({ id }) => id)).toEqual(ids)
  }
})

// Without keepalive nothing but the adapter itself notices a connection that is silent.
const noKeepalive = '&keepAliveInterval=-1'

test('F50: a read of a node that froze is answered by another, and the caller does not notice', async () => {
  await using es = await storeOnCluster({ options: noKeepalive })
  const stream = newStream()
  await es.store.append(stream, newEvents(2), 'no_stream')
  expect(await collect(es.store.readStream(stream))).toHaveLength(2)

  es.cluster.freeze(0)

  expect(await collect(es.store.readStream(stream))).toHaveLength(2)
  await es.store.ping(5_000)
})

test.each(['leader', 'follower'])(
  'F47, F50: a subscription at a %s that froze goes on at another node, without a loss or a repeat',
  async (preference) => {
    const options = `${noKeepalive}&nodePreference=${preference}`
    await using es = await storeOnCluster({ timeoutMs: 25_000, options })
    await using following = follow(es.store)
    await eventually(() => expect(following.caughtUp()).toBe(true))
    const ids: string[] = []
    // Whichever of them the subscription is at: it loses its node once at least.
    for (const n of nodes) {
      es.cluster.freeze(n)
      const events = newEvents(3)
      await es.store.append(newStream(), events, 'no_stream')
      ids.push(...events.map(({ id }) => id))

      await eventually(() => expect(following.ids()).toEqual(ids))
      es.cluster.thaw(n)
    }
    expect(es.lines.join('')).toContain('answers no reads')
  },
)
