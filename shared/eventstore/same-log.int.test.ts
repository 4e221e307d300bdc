import { randomUUID } from 'node:crypto'
import { cp, rm } from 'node:fs/promises'
import { eventually } from '#test/eventually'
import { collect, follow, newEvents, newStream } from '#test/event-store-events'
import { eventStoreCluster } from '#test/servers/eventstore-cluster'
import { testEventStore } from '#test/servers/test-eventstore'
import { tempFolder } from '#test/temp-folder'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { EventStore } from './event-store.ts'
import { openEventStore } from './open-event-store.ts'
import { type LogMark, verifyLog } from './same-log.ts'

async function storeAndServer() {
  const server = await testEventStore()
  const store = openEventStore({ connectionString: server.url, timeoutMs: 2_000 })
  return {
    server,
    store,
    async [Symbol.asyncDispose]() {
      await store.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

async function markOf(store: EventStore): Promise<LogMark> {
  const head = await store.head()
  if (head === undefined) throw new Error('the log is empty')
  return { position: head.position, eventId: head.id }
}

const append = (store: EventStore, count: number) =>
  store.append(newStream(), newEvents(count), 'no_stream')

const diverged = { code: 'EVENT_LOG_DIVERGED' }

test.each([
  ['shorter than the mark', 0],
  ['as long as before', 2],
  ['longer than the mark', 9],
])('a log restored from an older copy, now %s, is not this log', async (_, grown) => {
  await using es = await storeAndServer()
  await using backup = await tempFolder()
  await append(es.store, 2)
  await es.server.kill()
  await cp(es.server.dataDir, backup.path, { recursive: true })
  await es.server.restart()
  await append(es.store, 2)
  const mark = await markOf(es.store)
  await es.server.kill()
  await rm(es.server.dataDir, { recursive: true })
  await cp(backup.path, es.server.dataDir, { recursive: true })
  await es.server.restart()
  if (grown > 0) await append(es.store, grown)

  await expect(verifyLog(es.store, mark, 'read models')).rejects.toMatchObject(diverged)
})

test.each([
  ['an empty log', 0],
  ["another system's log", 5],
])('%s is not this log', async (_, count) => {
  await using es = await storeAndServer()
  await using other = await storeAndServer()
  await append(other.store, 3)
  const mark = await markOf(other.store)
  if (count > 0) await append(es.store, count)

  await expect(verifyLog(es.store, mark, 'JetStream')).rejects.toMatchObject(diverged)
})

test('a log that holds the marked event is this log, and one that holds another there is not', async () => {
  await using es = await storeAndServer()
  await append(es.store, 3)
  const mark = await markOf(es.store)
  await append(es.store, 3)

  await expect(verifyLog(es.store, mark, 'read models')).resolves.toBeUndefined()
  const other = { ...mark, eventId: randomUUID() }
  await expect(verifyLog(es.store, other, 'read models')).rejects.toMatchObject(diverged)
})

test('an event store that is away says nothing about the log', async () => {
  await using es = await storeAndServer()
  await append(es.store, 1)
  const mark = await markOf(es.store)
  await es.server.kill()

  const verified = verifyLog(es.store, mark, 'read models')
  await expect(verified).rejects.toMatchObject({ code: 'EVENT_STORE_UNAVAILABLE' })
})

test('a cluster that has just started, and answers that its log is empty, says nothing about the log', async () => {
  await using cluster = await eventStoreCluster()
  const store = openEventStore({ connectionString: cluster.url, timeoutMs: 2_000 })
  await append(store, 1)
  const mark = await markOf(store)
  cluster.setCold(true)
  expect(await store.head()).toBeUndefined()

  const verified = verifyLog(store, mark, 'read models')
  await expect(verified).rejects.toMatchObject({ code: 'EVENT_STORE_UNAVAILABLE' })

  cluster.setCold(false)
  await expect(verifyLog(store, mark, 'read models')).resolves.toBeUndefined()
  await store.close()
})

test('a position that the event store refuses, while it answers other reads, is not of this log', async () => {
  await using cluster = await eventStoreCluster()
  const store = openEventStore({ connectionString: cluster.url, timeoutMs: 2_000 })
  await append(store, 1)
  const mark = await markOf(store)
  cluster.refuseReads('position')

  await expect(verifyLog(store, mark, 'read models')).rejects.toMatchObject(diverged)
  await store.close()
})

test('an event store that denies access says nothing about the log, and is told apart', async () => {
  await using cluster = await eventStoreCluster()
  const lines: string[] = []
  const logger = pino({ level: 'info' }, { write: (line) => void lines.push(line) })
  const store = openEventStore({ connectionString: cluster.url, timeoutMs: 2_000, logger })
  await append(store, 1)
  const mark = await markOf(store)
  cluster.refuseReads('denied')
  await using following = follow(store)

  const denied = { code: 'EVENT_STORE_ACCESS_DENIED' }
  await expect(verifyLog(store, mark, 'read models')).rejects.toMatchObject(denied)
  await expect(store.ping(2_000)).rejects.toMatchObject(denied)
  await eventually(() => expect(lines.join('')).toContain('may not read $all'))
  cluster.refuseReads(undefined)
  await eventually(() => expect(following.ids()).toHaveLength(1))
  expect(lines).toHaveLength(1)
  await store.close()
})

test('the mark is looked up at the leader, whichever node is connected', async () => {
  await using cluster = await eventStoreCluster()
  const store = openEventStore({ connectionString: cluster.url, timeoutMs: 5_000 })
  await append(store, 1)
  const mark = await markOf(store)
  cluster.moveLeader(2)

  await expect(verifyLog(store, mark, 'read models')).resolves.toBeUndefined()
  await store.close()
})

test('an event at or below the position that is followed proves another log, and is not delivered', async () => {
  await using es = await storeAndServer()
  await append(es.store, 1)
  const { position } = await markOf(es.store)
  const delivered: unknown[] = []
  const following = (async () => {
    const { signal } = new AbortController()
    for await (const item of es.store.subscribeToAll({ after: position + 1_000_000n, signal }))
      if ('id' in item) delivered.push(item)
  })()
  following.catch(() => undefined)
  const { store } = es
  for (let n = 0; n < 20; n++) await append(store, 1)

  await expect(following).rejects.toMatchObject(diverged)
  expect(delivered).toEqual([])
  expect(await collect(store.readAll({ after: position }))).toHaveLength(20)
})
