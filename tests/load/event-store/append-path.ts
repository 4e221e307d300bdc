import { openEventStore, type NewEvent } from '#eventstore'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEventStore } from '../../../embedded/eventstore/start.ts'

/** Appends a second by each way to append, in turns. Run: node append-path.ts [rounds] [ms a round] */
const rounds = Number(process.argv[2] ?? 5)
const roundMs = Number(process.argv[3] ?? 1_500)
const credentials = { username: 'benchmark', password: 'unused' }
const metadata = {
  commandId: randomUUID(),
  correlationId: 'benchmark',
  actor: 'user:benchmark',
  tenantId: 'demo',
  schemaVersion: 1,
}
const data = { text: 'x'.repeat(200) }

const dataDir = await mkdtemp(join(tmpdir(), 'storewright-append-'))
const server = await startEventStore({ dataDir })
const client = EventStoreDBClient.connectionString(server.url)
const store = openEventStore({ connectionString: server.url })
const ways: Record<string, (stream: string) => Promise<unknown>> = {
  batchAppend: (stream) => append(stream, {}),
  append: (stream) => append(stream, { credentials }),
  adapter: (stream) => store.append(stream, [newEvent()], 'no_stream'),
}
try {
  for (const inFlight of [1, 64]) await measure(inFlight)
} finally {
  await store.close()
  await client.dispose()
  await server[Symbol.asyncDispose]()
  await rm(dataDir, { recursive: true, force: true })
}

async function measure(inFlight: number): Promise<void> {
  const rates: Record<string, number[]> = {}
  for (let round = 0; round <= rounds; round++)
    for (const [name, way] of Object.entries(ways)) {
      const rate = await rateOf(way, inFlight)
      // The first round warms up.
      if (round > 0) (rates[name] ??= []).push(rate)
    }
  const summary = Object.entries(rates).map(([name, values]) => [name, summaryOf(values)])
  process.stdout.write(`${JSON.stringify({ inFlight, ...Object.fromEntries(summary) })}\n`)
}

async function rateOf(way: (stream: string) => Promise<unknown>, inFlight: number) {
  const startedAt = performance.now()
  let done = 0
  const worker = async () => {
    for (; performance.now() - startedAt < roundMs; done++) await way(randomUUID())
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return Math.round((done / (performance.now() - startedAt)) * 1_000)
}

function summaryOf(rates: number[]) {
  const sorted = rates.toSorted((a, b) => a - b)
  return { median: sorted[Math.floor(sorted.length / 2)], min: sorted[0], max: sorted.at(-1) }
}

function append(stream: string, options: object): Promise<unknown> {
  const event = jsonEvent({ type: 'Happened', data, metadata })
  return client.appendToStream(stream, event, { expectedRevision: 'no_stream', ...options })
}

function newEvent(): NewEvent {
  return { id: randomUUID(), type: 'Happened', data, metadata }
}
