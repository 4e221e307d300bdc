import { once } from 'node:events'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fork } from 'node:child_process'
import { EventStoreDBClient } from '@eventstore/db-client'
import streamsService from '@eventstore/db-client/generated/streams_grpc_pb.js'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import { Client, credentials } from '@grpc/grpc-js'
import { openEventLog } from '../../../embedded/eventstore/log/event-log.ts'
import { startEventStore } from '../../../embedded/eventstore/start.ts'

/**
 * Events a second of a read of `$all` and of a subscription that catches up, beside a minimal gRPC server that sends the
 * same messages from memory, in turns. Run: node read-all.ts [events] [rounds]
 */
const events = Number(process.argv[2] ?? 20_000)
const rounds = Number(process.argv[3] ?? 5)
const DATA = Buffer.from(JSON.stringify({ text: 'x'.repeat(489) }))
const asIs = (bytes: Buffer) => bytes
const { read } = streamsService.StreamsService

const dataDir = await mkdtemp(join(tmpdir(), 'storewright-read-'))
await writeEvents()
const server = await startEventStore({ dataDir })
const frames = fork(fileURLToPath(new URL('same-frames.ts', import.meta.url)), [
  `127.0.0.1:${server.port}`,
])
try {
  const [port] = await once(frames, 'message')
  const addresses = { here: `127.0.0.1:${server.port}`, frames: `127.0.0.1:${port}` }
  const ways = { read: readRaw, subscription: subscribeRaw, officialRead: readOfficial }
  for (const [way, run] of Object.entries(ways)) {
    const rates: Record<string, number[]> = { here: [], frames: [] }
    // The first round warms up.
    for (let round = 0; round <= rounds; round++)
      for (const [name, address] of Object.entries(addresses)) {
        const startedAt = performance.now()
        const count = await run(address)
        if (count !== events) throw new Error(`${count} of ${events} events came`)
        const rate = Math.round((count / (performance.now() - startedAt)) * 1_000)
        if (round > 0) rates[name]?.push(rate)
      }
    const ratios = rates['here']?.map((rate, round) => rate / (rates['frames']?.[round] ?? NaN))
    const medians = Object.entries(rates).map(([name, each]) => [name, median(each)])
    const ratio = Number(median(ratios ?? []).toFixed(2))
    process.stdout.write(`${JSON.stringify({ way, ...Object.fromEntries(medians), ratio })}\n`)
  }
} finally {
  frames.kill()
  await server[Symbol.asyncDispose]()
  await rm(dataDir, { recursive: true, force: true })
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

async function readRaw(address: string): Promise<number> {
  return messagesOf(address, (options) => options.setCount(`${events}`))
}

async function subscribeRaw(address: string): Promise<number> {
  const subscription = new streams.ReadReq.Options.SubscriptionOptions()
  // Its confirmation is no event.
  return (await messagesOf(address, (options) => options.setSubscription(subscription))) - 1
}

/** Counts messages up to the end, or until the subscriber has all events. */
async function messagesOf(
  address: string,
  ask: (options: streams.ReadReq.Options) => void,
): Promise<number> {
  const client = new Client(address, credentials.createInsecure())
  const options = new streams.ReadReq.Options()
  const empty = new shared.Empty()
  options.setAll(new streams.ReadReq.Options.AllOptions().setStart(empty)).setNoFilter(empty)
  options.setUuidOption(new streams.ReadReq.Options.UUIDOption().setString(empty))
  ask(options)
  const request = Buffer.from(new streams.ReadReq().setOptions(options).serializeBinary())
  const call = client.makeServerStreamRequest(read.path, asIs, asIs, request)
  let count = 0
  try {
    for await (const _ of call) if (++count === events + 1) break
  } finally {
    call.cancel()
    client.close()
  }
  return count
}

async function readOfficial(address: string): Promise<number> {
  const client = EventStoreDBClient.connectionString(`esdb://${address}?tls=false`)
  let count = 0
  for await (const _ of client.readAll({ maxCount: events })) count++
  await client.dispose()
  return count
}

async function writeEvents(): Promise<void> {
  const log = openEventLog(dataDir, (error) => {
    throw error
  })
  for (let number = 0; number < events; number += 100)
    await log.commit(Array.from({ length: 100 }, (_, n) => eventNumber(number + n)))
  await log.close()
}

function eventNumber(number: number) {
  return {
    stream: `store-${number % 1_000}`,
    revision: BigInt(Math.floor(number / 1_000)),
    createdMs: Date.now(),
    id: randomUUID(),
    type: 'ProvisioningStepRecorded',
    contentType: 'application/json',
    metadata: Buffer.from('{"correlationId":"benchmark"}'),
    data: DATA,
  }
}
