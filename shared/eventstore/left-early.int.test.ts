import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { newEvents, newStream } from '#test/event-store-events'
import { eventually } from '#test/eventually'
import { testEventStore } from '#test/servers/test-eventstore'
import { connectForReads, type EventStoreDBClient, type ReadConnections } from './client.ts'
import { openEventStore } from './open-event-store.ts'
import { eventAt, newestEvent, ping, readAll, readEvents } from './read.ts'
import { subscribeToAll } from './subscribe.ts'

const TIMES = 200
const timeoutMs = 5_000
const openCalls = z.object({ disposableStreams: z.set(z.unknown()) })

let server: Awaited<ReturnType<typeof testEventStore>>
let connections: ReadConnections
let client: EventStoreDBClient
let middle: bigint
const stream = newStream()
beforeAll(async () => {
  server = await testEventStore()
  const store = openEventStore({ connectionString: server.url })
  await store.append(stream, newEvents(200), 'no_stream')
  for await (const { revision, position } of store.readStream(stream))
    if (revision === 100n) middle = position
  await store.close()
})
afterAll(async () => server[Symbol.asyncDispose]())
beforeEach(() => {
  connections = connectForReads(server.url)
  client = connections.take().client
  onTestFinished(() => connections.close())
})

const open = (maxCount: number) => (from: EventStoreDBClient) =>
  from.readStream(stream, { maxCount })
const reads: Record<string, () => Promise<unknown>> = {
  ping: () => ping({ connections }, timeoutMs),
  'looking for the newest event': () => newestEvent({ connections, timeoutMs }),
  'looking at one position': () => eventAt({ connections, timeoutMs }, middle),
  'leaving after the only event': () =>
    leave(readEvents({ connections, open: open(1), timeoutMs })),
  'leaving after the first of few': () =>
    leave(readEvents({ connections, open: open(5), timeoutMs })),
  'leaving after the first of many': () =>
    leave(readEvents({ connections, open: open(200), timeoutMs })),
  'reading a part of the log': () => leave(readAll({ connections, timeoutMs }, {}), 3),
  'a read of a missing stream': () =>
    leave(readEvents({ connections, open: (from) => from.readStream(newStream()), timeoutMs })),
  'leaving a subscription': () =>
    leave(subscribeToAll({ connections, after: middle, signal: new AbortController().signal })),
  'an abort before the answer': () => abortAfter(0),
  'an abort between two events': () => abortAfter(1),
}

test.each(Object.keys(reads))('%s, 200 times, leaves no call open in the client', async (name) => {
  for (let n = 0; n < TIMES; n++) await reads[name]?.()

  await eventually(() => expect(openCalls.parse(client).disposableStreams.size).toBe(0), {
    timeoutMs: 10_000,
  })
})

test('a client whose reads were left early is disposed of', async () => {
  for (const read of Object.values(reads)) await read()

  await expect(client.dispose()).resolves.toBeUndefined()
})

async function leave(events: AsyncIterable<unknown>, after = 1): Promise<void> {
  let seen = 0
  for await (const event of events) if (event !== undefined && ++seen === after) return
}

async function abortAfter(count: number): Promise<void> {
  const controller = new AbortController()
  const events = readEvents({ connections, open: open(200), timeoutMs, signal: controller.signal })
  for (let n = 0; n < count; n++) await events.next()
  const next = events.next()
  controller.abort(new Error('enough'))
  await next.catch(() => undefined)
  await events.return(undefined)
}
