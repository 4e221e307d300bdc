import * as childProcess from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { eventStreamName } from '#contracts'
import { connectMessaging, headerNames } from '#messaging'
import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { storedEvents } from '#test/stored-messages'
import { appendTo, testLog } from '#test/test-events'
import { testEventStore } from '#test/servers/test-eventstore'
import { natsWith } from '#test/servers/nats-with'
import { testMessaging } from '#test/servers/test-messaging'
import { testNats } from '#test/servers/test-nats'
import { tempFolder } from '#test/temp-folder'
import { headers, nanos } from 'nats'
import { expect, test } from 'vitest'
import { createMetrics } from './metrics.ts'
import { startRelay } from './relay.ts'

const execFile = promisify(childProcess.execFile)
const types = ['StoreRequested', 'ProvisioningStarted', 'StoreProvisioned']

/** A relay of its own, in this process, that looks after its stream often. */
async function testRelay(natsUrl: string, logUrl: string) {
  const logger = createLogger({ service: 'relay', level: 'silent' })
  const metrics = createMetrics()
  const closing = new AbortController()
  const { signal } = closing
  const messaging = await connectMessaging({ url: natsUrl, name: 'relay', logger })
  const store = testLog(logUrl)
  const options = { store, messaging, logger, metrics, signal, windowMax: 100, checkEveryMs: 100 }
  const relay = startRelay(options)
  return {
    status: relay.status,
    isDiverged: async () => (await metrics.diverged.get()).values[0]?.value === 1,
    messages: async (result: string) => {
      const { values } = await metrics.messages.get()
      return values.find(({ labels }) => labels.result === result)?.value ?? 0
    },
    [Symbol.asyncDispose]: async () => {
      closing.abort()
      await relay.done
      await messaging.close()
      await store[Symbol.asyncDispose]()
    },
  }
}

async function bothServers() {
  const [nats, log] = await Promise.all([testNats(), testEventStore()])
  const store = testLog(log.url)
  const started: AsyncDisposable[] = []
  return {
    nats,
    log,
    store,
    startRelay: async () => {
      const relay = await testRelay(nats.url, log.url)
      started.push(relay)
      return relay
    },
    ids: async () => (await storedEvents(nats.connection)).map(({ eventId }) => eventId),
    [Symbol.asyncDispose]: async () => {
      for (const relay of started) await relay[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      await nats[Symbol.asyncDispose]()
      await log[Symbol.asyncDispose]()
    },
  }
}

test('every event of a store becomes one message that says what, where and why', async () => {
  await using servers = await bothServers()
  await servers.startRelay()
  const storeId = randomUUID()

  const ids = await appendTo(servers.store, storeId, types)
  await eventually(async () => expect(await servers.ids()).toEqual(ids))

  const manager = await servers.nats.connection.jetstreamManager()
  const message = await manager.streams.getMessage(eventStreamName, { seq: 1 })
  const named = Object.fromEntries([...message.header].map(([name, [value]]) => [name, value]))
  expect(message.subject).toBe(`evt.${storeId}.0.StoreRequested`)
  expect(message.json()).toEqual({ storeId })
  expect(named).toMatchObject({
    [headerNames.eventId]: ids[0],
    [headerNames.position]: expect.stringMatching(/^\d+$/),
    [headerNames.correlationId]: 'trace-123',
    traceparent: expect.stringMatching(/^00-/),
    'ce-id': ids[0],
    'ce-type': 'StoreRequested',
    'ce-source': `/stores/${storeId}`,
    'ce-specversion': '1.0',
  })
})

test('events of other streams are not published', async () => {
  await using servers = await bothServers()
  await servers.startRelay()
  const metadata = { correlationId: 'c', actor: 'a', tenantId: 't', schemaVersion: 1 }
  const slot = { id: randomUUID(), type: 'StoreSlotReserved', data: {} }
  await servers.store.append(
    'tenant-demo',
    [{ ...slot, metadata: { ...metadata, commandId: 'c' } }],
    'no_stream',
  )

  const ids = await appendTo(servers.store, randomUUID(), types)

  await eventually(async () => expect(await servers.ids()).toEqual(ids))
})

test('an event that cannot be a message holds up no other', async () => {
  await using servers = await bothServers()
  await servers.startRelay()

  const [first, , last] = await appendTo(servers.store, randomUUID(), ['A', 'not a token', 'B'])

  await eventually(async () => expect(await servers.ids()).toEqual([first, last]))
})

test('F33: the relay says that nats-server is frozen, and goes on when it thaws', async () => {
  await using servers = await bothServers()
  const relay = await servers.startRelay()
  await eventually(() => expect(relay.status()).toBe('relaying'))

  servers.nats.freeze()
  const ids = await appendTo(servers.store, randomUUID(), types)
  await eventually(() => expect(relay.status()).toMatchObject({ cause: expect.any(Error) }))
  servers.nats.thaw()

  await eventually(async () => expect(await servers.ids()).toEqual(ids))
})

test('F6: what happened while no relay ran is published when one starts', async () => {
  await using servers = await bothServers()
  const before = await appendTo(servers.store, randomUUID(), types)
  const first = await servers.startRelay()
  await eventually(async () => expect(await servers.ids()).toEqual(before))
  await first[Symbol.asyncDispose]()
  const meanwhile = await appendTo(servers.store, randomUUID(), types)

  await servers.startRelay()

  await eventually(async () => expect(await servers.ids()).toEqual([...before, ...meanwhile]))
})

test('F7, F8: events that a killed relay had published are not there twice, however long ago that was', async () => {
  await using servers = await bothServers()
  const ids = await appendTo(servers.store, randomUUID(), types)
  const first = await servers.startRelay()
  await eventually(async () => expect(await servers.ids()).toEqual(ids))
  await first[Symbol.asyncDispose]()
  await forgetRecentIds(servers.nats)

  const relay = await servers.startRelay()
  await eventually(() => expect(relay.status()).toBe('relaying'))

  expect(await servers.ids()).toEqual(ids)
  expect(await relay.messages('stored')).toBe(0)
  expect(await relay.messages('present')).toBeGreaterThan(0)
})

test('F29: events appended while nats-server is killed again and again are published in order', async () => {
  await using servers = await bothServers()
  await servers.startRelay()
  const ids: string[] = []

  for (let round = 0; round < 4; round++) {
    ids.push(...(await appendTo(servers.store, randomUUID(), types)))
    await servers.nats.kill()
    ids.push(...(await appendTo(servers.store, randomUUID(), types)))
    await servers.nats.restart()
  }

  await eventually(async () => expect(await servers.ids()).toEqual(ids))
})

test('at the limit of NATS the oldest messages make room: the relay goes on, and begins again at the end', async () => {
  await using nats = await natsWith('jetstream { max_memory_store: 64MB, max_file_store: 10MB }')
  await using log = await testEventStore()
  await using store = testLog(log.url)
  const append = () =>
    appendTo(store, randomUUID(), ['A'], undefined, { filler: 'x'.repeat(400_000) })
  await using first = await testRelay(nats.url, log.url)
  await using messaging = await testMessaging(nats.url, { timings: 'none' })
  const ids: string[] = []
  for (let event = 0; event < 40; event++) ids.push(...(await append()))
  const kept = async () => (await storedEvents(messaging.connection)).map(({ eventId }) => eventId)

  await eventually(async () => expect(await first.messages('stored')).toBe(ids.length))
  const newest = await kept()
  await first[Symbol.asyncDispose]()
  await using second = await testRelay(nats.url, log.url)
  const [last] = await append()
  await eventually(async () => expect((await kept()).at(-1)).toBe(last))

  expect(newest.length).toBeGreaterThan(10)
  expect(newest).toEqual(ids.slice(-newest.length))
  expect(newest.length).toBeLessThan(ids.length)
  expect(await second.messages('stored')).toBe(1)
}, 120_000)

test('F30: a stream that was wiped while the relay ran is made again and filled from the log', async () => {
  await using servers = await bothServers()
  await servers.startRelay()
  const ids = await appendTo(servers.store, randomUUID(), types)
  await eventually(async () => expect(await servers.ids()).toEqual(ids))

  const manager = await servers.nats.connection.jetstreamManager()
  await manager.streams.delete(eventStreamName)

  await eventually(async () => expect(await servers.ids()).toEqual(ids))
})

test('F31: a stream that lost its tail gets it again without a new event', async () => {
  await using servers = await bothServers()
  await using backup = await tempFolder()
  const { nats } = servers
  const files = join(nats.dataDir, 'jetstream')
  await servers.startRelay()
  const ids = await appendTo(servers.store, randomUUID(), types)
  await eventually(async () => expect(await servers.ids()).toEqual(ids))
  await nats.kill()
  await cp(files, backup.path, { recursive: true })
  await nats.restart()
  ids.push(...(await appendTo(servers.store, randomUUID(), types)))
  await eventually(async () => expect(await servers.ids()).toEqual(ids))

  await nats.kill()
  await rm(files, { recursive: true })
  await cp(backup.path, files, { recursive: true })
  await nats.restart()

  await eventually(async () => expect(await servers.ids()).toEqual(ids))
})

test('F30: with the whole data folder of NATS gone, everything is published again', async () => {
  await using servers = await bothServers()
  await servers.startRelay()
  const ids = await appendTo(servers.store, randomUUID(), types)
  await eventually(async () => expect(await servers.ids()).toEqual(ids))

  await servers.nats.kill()
  await rm(join(servers.nats.dataDir, 'jetstream'), { recursive: true })
  await servers.nats.restart()

  await eventually(async () => expect(await servers.ids()).toEqual(ids))
})

test('a foreign message at the end of the stream makes the relay begin at the start', async () => {
  await using servers = await bothServers()
  const ids = await appendTo(servers.store, randomUUID(), types)
  const first = await servers.startRelay()
  await eventually(async () => expect(await servers.ids()).toEqual(ids))
  await first[Symbol.asyncDispose]()
  const named = headers()
  named.set(headerNames.eventId, 'foreign')
  await servers.nats.connection.jetstream().publish('evt.x.0.Foreign', '', { headers: named })
  const more = await appendTo(servers.store, randomUUID(), types)

  await servers.startRelay()

  await eventually(async () => expect(await servers.ids()).toEqual([...ids, 'foreign', ...more]))
})

test('F34: with a log that lacks what was published nothing is published, and it is said', async () => {
  await using servers = await bothServers()
  await using other = await testEventStore()
  await appendTo(servers.store, randomUUID(), types)
  const first = await servers.startRelay()
  await eventually(async () => expect(await servers.ids()).toHaveLength(3))
  await first[Symbol.asyncDispose]()
  await using otherLog = testLog(other.url)
  await appendTo(otherLog, randomUUID(), types)

  await using relay = await testRelay(servers.nats.url, other.url)

  await eventually(() =>
    expect(relay.status()).toMatchObject({ cause: { code: 'EVENT_LOG_DIVERGED' } }),
  )
  expect(await relay.isDiverged()).toBe(true)
  expect(await servers.ids()).toHaveLength(3)
})

test('F34: after a resync the relay publishes the log as it is', async () => {
  await using servers = await bothServers()
  await using other = await testEventStore()
  await appendTo(servers.store, randomUUID(), types)
  const first = await servers.startRelay()
  await eventually(async () => expect(await servers.ids()).toHaveLength(3))
  await first[Symbol.asyncDispose]()
  await using otherLog = testLog(other.url)
  const ids = await appendTo(otherLog, randomUUID(), types)

  const program = fileURLToPath(new URL('resync.ts', import.meta.url))
  const env = { NATS_URL: servers.nats.url }
  await expect(execFile(process.execPath, [program], { env })).rejects.toThrow('--yes')
  await execFile(process.execPath, [program, '--yes'], { env })

  await using relay = await testRelay(servers.nats.url, other.url)
  await eventually(async () => expect(await servers.ids()).toEqual(ids))
  expect(relay.status()).toBe('relaying')
})

test('F35: the relay goes on when the event store comes back', async () => {
  await using servers = await bothServers()
  await servers.startRelay()
  const ids = await appendTo(servers.store, randomUUID(), types)
  await eventually(async () => expect(await servers.ids()).toEqual(ids))

  await servers.log.kill()
  await servers.log.restart()
  ids.push(...(await eventually(() => appendTo(servers.store, randomUUID(), types))))

  await eventually(async () => expect(await servers.ids()).toEqual(ids))
})

// As after the two minutes for which JetStream remembers them.
async function forgetRecentIds(nats: Awaited<ReturnType<typeof testNats>>): Promise<void> {
  const manager = await nats.connection.jetstreamManager()
  await manager.streams.update(eventStreamName, { duplicate_window: nanos(100) })
  await nats.kill()
  await nats.restart()
}
