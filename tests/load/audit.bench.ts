import { generateKeyPairSync } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { storeStream } from '#domain'
import { eventId, openEventStore } from '#eventstore'
import { historyOf } from '#test/projector/recorded-log'
import { tempFolder } from '#test/temp-folder'
import { startEventStore } from '../../embedded/eventstore/start.ts'
import { openExport, signingKey } from '../../services/query-api/audit/export.ts'
import { runVerify } from '../../services/query-api/audit/verify.ts'

// What an export of the audit trail costs, from the log to a file and from the file to a verdict, in MB/s; beside it what
// only reading the log costs, in the same run and in turns. Memory is what grew while an export was written.
// Arguments: stores (8000), rounds (3).

const [stores = 8_000, rounds = 3] = process.argv.slice(2).map(Number)

await using folder = await tempFolder()
await using log = await startEventStore({ dataDir: join(folder.path, 'log') })
const store = openEventStore({ connectionString: log.url, timeoutMs: 60_000 })
const { privateKey } = generateKeyPairSync('ed25519')
const key = signingKey.parse(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString())
const file = join(folder.path, 'audit.ndjson')

await fill()
const events = await readLog()
print(`${events} events of ${stores} stores, ${rounds} rounds after one of warm-up`)
const seconds = { reading: [] as number[], exporting: [] as number[], verifying: [] as number[] }
let grownMb = 0
for (let round = 0; round <= rounds; round++) {
  const reading = await timed(readLog)
  const before = process.memoryUsage().rss
  const exporting = await timed(writeExport)
  grownMb = Math.max(grownMb, (process.memoryUsage().rss - before) / 1e6)
  const verifying = await timed(async () => {
    if ((await runVerify([file])) !== 0) throw new Error('The export is not intact')
  })
  if (round === 0) continue
  seconds.reading.push(reading)
  seconds.exporting.push(exporting)
  seconds.verifying.push(verifying)
}
const megabytes = (await stat(file)).size / 1e6
const rate = (what: string, all: number[]) => {
  const middle = all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0
  const perSecond = Math.round(events / middle)
  print(`${what}: ${(megabytes / middle).toFixed(1)} MB/s, ${perSecond} events/s`)
}
print(`the file has ${megabytes.toFixed(1)} MB`)
rate('reading the log alone, in the same MB', seconds.reading)
rate('export to a file', seconds.exporting)
rate('verify', seconds.verifying)
print(`memory grew by ${grownMb.toFixed(0)} MB at most during an export`)
process.exit(0)

async function fill(): Promise<void> {
  const choices = [0, 1, 2, 4, 1]
  const history = historyOf(
    Array.from({ length: stores * choices.length }, (_, index) => ({
      store: index % stores,
      choice: choices[Math.floor(index / stores)] ?? 0,
    })),
  )
  const streams = [...Map.groupBy(history, ({ storeId }) => storeId)]
  const metadata = { actor: 'user:load', tenantId: 'acme', schemaVersion: 1, address: '192.0.2.7' }
  while (streams.length > 0)
    await Promise.all(
      streams.splice(0, 100).map(([storeId, entries]) => {
        const about = { ...metadata, correlationId: storeId, commandId: storeId }
        const all = entries.map((entry, index) => ({
          id: eventId(storeId, index),
          type: entry.type,
          data: entry.data,
          metadata: about,
        }))
        return store.append(storeStream(storeId), all, 'no_stream')
      }),
    )
}

async function readLog(): Promise<number> {
  let count = 0
  for await (const event of store.readAll()) if (event.id !== '') count++
  return count
}

async function writeExport(): Promise<void> {
  const range = { tenantId: 'acme', from: undefined, to: new Date().toISOString() }
  const { signal } = new AbortController()
  const pieces = await openExport({ store, range, key, signal, after: undefined })
  await pipeline(Readable.from(pieces, { objectMode: false }), createWriteStream(file))
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return (performance.now() - startedAt) / 1_000
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
