import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEventStore } from '../../../embedded/eventstore/start.ts'
import { openEventLog } from '../../../embedded/eventstore/log/event-log.ts'

/** How much memory a log of that many events takes, and how long its start takes. Run: node memory.ts [events] [streams] */
const events = Number(process.argv[2] ?? 1_000_000)
const streams = Number(process.argv[3] ?? 100_000)
const BATCH = 1_000
const DATA = Buffer.from(JSON.stringify({ text: 'x'.repeat(489) }))

const dataDir = await mkdtemp(join(tmpdir(), 'storewright-memory-'))
try {
  await writeEvents()
  const { size } = await stat(join(dataDir, 'events.log'))
  const startedAt = performance.now()
  await using server = await startEventStore({ dataDir })
  const startMs = Math.round(performance.now() - startedAt)
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8')
  const kilobytesOf = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1])
  const megabytes = {
    log: size / 1e6,
    rss: kilobytesOf('VmRSS') / 1e3,
    peak: kilobytesOf('VmHWM') / 1e3,
  }
  process.stdout.write(`${JSON.stringify({ events, streams, startMs, megabytes })}\n`)
} finally {
  await rm(dataDir, { recursive: true, force: true })
}

async function writeEvents(): Promise<void> {
  const log = openEventLog(dataDir, (error) => {
    throw error
  })
  for (let written = 0; written < events; written += BATCH)
    await log.commit(Array.from({ length: BATCH }, (_, n) => eventNumber(written + n)))
  await log.close()
}

function eventNumber(number: number) {
  return {
    stream: `store-${number % streams}`,
    revision: BigInt(Math.floor(number / streams)),
    createdMs: Date.now(),
    id: randomUUID(),
    type: 'ProvisioningStepRecorded',
    contentType: 'application/json',
    metadata: Buffer.alloc(0),
    data: DATA,
  }
}
