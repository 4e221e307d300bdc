import { join } from 'node:path'
import { storeStream } from '#domain'
import { eventId, openEventStore, type EventStore, type RecordedEvent } from '#eventstore'
import { connectionConfig, migrate } from '#postgres'
import { Client } from 'pg'
import { startEventStore } from '../../embedded/eventstore/start.ts'
import { startPostgres } from '../../embedded/dependencies/postgres.ts'
import { freePort } from '../../embedded/processes/free-port.ts'
import { rebuildReadModels } from '../../services/projector/rebuild/rebuild-read-models.ts'
import { flush } from '../../services/projector/projection/write-batch.ts'
import { historyOf, type LogEntry } from '#test/projector/recorded-log'
import { tempFolder } from '#test/temp-folder'

// What deriving the read models costs, each figure as a ratio of two things measured in the same run, in turns:
// a whole rebuild beside only reading the log, and writing in batches beside one event a transaction.
// Arguments: stores (4000), rounds (5).

const [stores = 4_000, rounds = 5] = process.argv.slice(2).map(Number)
const EVENTS_A_STORE = 5

await using folder = await tempFolder()
await using log = await startEventStore({ dataDir: join(folder.path, 'log') })
const postgres = await startPostgres({
  dataDir: folder.path,
  port: await freePort(),
  logFile: join(folder.path, 'postgres.log'),
})
const store = openEventStore({ connectionString: log.url, timeoutMs: 60_000 })
try {
  await fill(store)
  const events = await readLog()
  print(`${events.length} events of ${stores} stores, ${rounds} rounds after one of warm-up`)
  await migrate(postgres.url)
  const writes = await measure(
    () => timed(events.length, () => write(events, 2_000)),
    () => timed(500, () => write(events.slice(0, 500), 1)),
  )
  report('write path, batches of 2000', 'one event a transaction', writes)
  const options = { databaseUrl: postgres.url, store, accept: true }
  const rebuilds = await measure(
    () => timed(events.length, () => rebuildReadModels(options)),
    () => timed(events.length, readLog),
  )
  report('rebuild, compared and switched', 'reading the log alone', rebuilds)
} finally {
  await postgres.stop()
}
process.exit(0)

async function fill(into: EventStore): Promise<void> {
  const streams = Map.groupBy(history(), ({ storeId }) => storeId)
  const appends = [...streams].map(([storeId, entries]) => async () => {
    const newEvents = entries.map(({ type, data }, index) => ({
      id: eventId(storeId, index),
      type,
      data,
      metadata: {
        correlationId: storeId,
        actor: 'user:load',
        tenantId: 't',
        schemaVersion: 1,
        commandId: storeId,
      },
    }))
    await into.append(storeStream(storeId), newEvents, 'no_stream')
  })
  while (appends.length > 0) await Promise.all(appends.splice(0, 100).map((append) => append()))
}

function history(): LogEntry[] {
  // Requested, claimed, provisioned, to be deleted, claimed again.
  const choices = [0, 1, 2, 4, 1]
  return historyOf(
    Array.from({ length: stores * EVENTS_A_STORE }, (_, index) => ({
      store: index % stores,
      choice: choices[Math.floor(index / stores)] ?? 0,
    })),
  )
}

async function readLog(): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for await (const event of store.readAll()) events.push(event)
  return events
}

async function write(events: RecordedEvent[], batch: number): Promise<void> {
  const client = new Client(connectionConfig(postgres.url))
  await client.connect()
  await client.query('truncate stores, store_counts, parked_events, projection_checkpoints')
  for (let from = 0; from < events.length; from += batch)
    await flush(client, { events: events.slice(from, from + batch), from: undefined })
  await client.end()
}

async function timed(count: number, work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return count / ((performance.now() - startedAt) / 1_000)
}

type Rates = [number, number][]

async function measure(ours: () => Promise<number>, limit: () => Promise<number>): Promise<Rates> {
  const rates: Rates = []
  for (let round = 0; round <= rounds; round++) {
    const pair: [number, number] = [await ours(), await limit()]
    if (round > 0) rates.push(pair)
  }
  return rates
}

function report(ours: string, limit: string, rates: Rates): void {
  const ratios = rates.map(([one, other]) => one / other).toSorted((a, b) => a - b)
  const middle = (all: number[]) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0
  print(`${ours}: ${Math.round(middle(rates.map(([rate]) => rate)))} events/s`)
  print(`${limit}: ${Math.round(middle(rates.map(([, rate]) => rate)))} events/s`)
  const range = `${ratios[0]?.toFixed(2)}–${ratios.at(-1)?.toFixed(2)}`
  print(`ratio: ${middle(ratios).toFixed(2)} (${range})`)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
