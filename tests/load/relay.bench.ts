import { eventStreamName } from '#contracts'
import { storeStream } from '#domain'
import { openEventStore, type RecordedEvent } from '#eventstore'
import { connectMessaging, ensureTopology } from '#messaging'
import { createLogger } from '#observability'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { startEventStore } from '../../embedded/eventstore/start.ts'
import { startNats } from '../../embedded/dependencies/nats.ts'
import { freePort } from '../../embedded/processes/free-port.ts'
import { toolPath } from '../../embedded/tools.ts'
import { createMetrics } from '../../services/relay/metrics.ts'
import { messageOf } from '../../services/relay/message.ts'
import { startRelay } from '../../services/relay/relay.ts'
import { tempFolder } from '#test/temp-folder'

/** The relay against its limits, in turns: reading alone, and `js.publish` with 1,000 in flight. Run: node relay.bench.ts [events] [rounds] */
const count = Number(process.argv[2] ?? 20_000)
const rounds = Number(process.argv[3] ?? 5)
const EVENTS_PER_STORE = 10
const IN_FLIGHT = 1_000

await using folder = await tempFolder('storewright-relay-')
await using log = await startEventStore({ dataDir: join(folder.path, 'log') })
const nats = await startNats({
  executable: toolPath('nats-server'),
  dataDir: join(folder.path, 'nats'),
  logFile: join(folder.path, 'nats.log'),
  port: await freePort(),
})
const logger = createLogger({ service: 'benchmark', level: 'silent' })
const store = openEventStore({ connectionString: log.url, timeoutMs: 30_000 })
const messaging = await connectMessaging({ url: nats.url, name: 'benchmark', logger })
await fill()
const recorded: RecordedEvent[] = []
for await (const event of store.readAll()) recorded.push(event)

const ways = { readAlone, jsPublish, relay }
const rates: Record<string, number[]> = {}
const cpu: Record<string, number[]> = {}
for (let round = 0; round <= rounds; round++)
  for (const [name, way] of Object.entries(ways)) {
    await emptyStream()
    const [before, startedAt] = [process.cpuUsage(), performance.now()]
    await way()
    const { user, system } = process.cpuUsage(before)
    // The first round warms up.
    if (round === 0) continue
    ;(rates[name] ??= []).push((count / (performance.now() - startedAt)) * 1_000)
    ;(cpu[name] ??= []).push((user + system) / count)
  }
const figures = Object.keys(ways).map((name) => [
  name,
  { eventsPerSecond: summary(rates[name]), cpuMicroseconds: summary(cpu[name]) },
])
const { relay: relayRates = [], readAlone: read = [], jsPublish: published = [] } = rates
const ratios = {
  toReadAlone: summary(relayRates.map((rate, i) => rate / (read[i] ?? NaN))),
  toJsPublish: summary(relayRates.map((rate, i) => rate / (published[i] ?? NaN))),
}
process.stdout.write(
  `${JSON.stringify({ count, ...Object.fromEntries(figures), ratios }, null, 2)}\n`,
)
await messaging.close()
await Promise.race([store.close(), new Promise((resolve) => setTimeout(resolve, 1_000).unref())])
await nats.stop()

async function readAlone(): Promise<void> {
  const stop = new AbortController()
  let seen = 0
  for await (const item of store.subscribeToAll({ signal: stop.signal }))
    if ('id' in item && ++seen === count) stop.abort()
}

async function jsPublish(): Promise<void> {
  const stream = messaging.connection.jetstream({ timeout: 30_000 })
  let next = 0
  const worker = async () => {
    for (let event; (event = recorded[next++]) !== undefined;) {
      const message = messageOf(event, 1_000_000)
      if (message === undefined) throw new Error('not a store event')
      await stream.publish(message.subject, message.payload, { headers: message.headers })
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
}

async function relay(): Promise<void> {
  const stop = new AbortController()
  const metrics = createMetrics()
  const { signal } = stop
  const options = { store, messaging, logger, metrics, signal, checkEveryMs: 5_000 }
  const running = startRelay({ ...options, windowMax: 1_000 })
  await untilStored()
  stop.abort()
  await running.done
}

async function untilStored(): Promise<void> {
  const manager = await messaging.connection.jetstreamManager()
  for (;;) {
    const { state } = await manager.streams.info(eventStreamName)
    if (state.messages === count) return
    await wait(20)
  }
}

async function emptyStream(): Promise<void> {
  const manager = await messaging.connection.jetstreamManager()
  await manager.streams.delete(eventStreamName).catch(() => {})
  await ensureTopology(messaging)
}

async function fill(): Promise<void> {
  const metadata = { actor: 'user:demo', tenantId: 'demo', schemaVersion: 1, commandId: 'c' }
  const append = () =>
    store.append(
      storeStream(randomUUID()),
      Array.from({ length: EVENTS_PER_STORE }, () => ({
        id: randomUUID(),
        type: 'StoreRequested',
        data: { text: 'x'.repeat(200) },
        metadata: { ...metadata, correlationId: randomUUID() },
      })),
      'no_stream',
    )
  for (let stores = 0; stores < count / EVENTS_PER_STORE; stores += 50)
    await Promise.all(Array.from({ length: 50 }, append))
}

function summary(values: number[] = []): string {
  const sorted = values.toSorted((a, b) => a - b)
  const text = (value = NaN) => (value > 100 ? value.toFixed(0) : value.toFixed(2))
  const median = sorted[Math.floor(sorted.length / 2)]
  return `${text(median)} (${text(sorted[0])}–${text(sorted.at(-1))})`
}
