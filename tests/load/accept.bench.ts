import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { openEventStore } from '#eventstore'
import { startEventStore } from '../../embedded/eventstore/start.ts'
import { freePort } from '../../embedded/processes/free-port.ts'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { createsPerSecond } from './accept/http-load.ts'

// What accepting a create costs, each figure as a ratio of things measured in the same run, in turns: the API with all
// it does, a bare loop of appends, and the same POST without storage. The load shares the machine with what it loads.
// Each create is two events, a slot in its tenant's stream and the store's first; the slots of one tenant share appends.
// Arguments: rounds (5), milliseconds a round (3000), tenants (1).

const [rounds = 5, ms = 3_000, tenants = 1] = process.argv.slice(2).map(Number)
const inFlight = 64

await using folder = await tempFolder()
await using log = await startEventStore({ dataDir: join(folder.path, 'log') })
const store = openEventStore({ connectionString: log.url })
const api = await serve('../../services/command-api/main.ts', { EVENTSTORE_URL: log.url })
const bare = await serve('./accept/without-storage.ts', {})
const samples: { accept: number; append: number; http: number }[] = []
try {
  for (let round = 0; round <= rounds; round++) {
    const append = await appendsPerSecond()
    const http = await createsPerSecond(bare.url, { inFlight, ms, tenants })
    const accept = await createsPerSecond(api.url, { inFlight, ms, tenants })
    // The first round warms up.
    if (round > 0) samples.push({ accept, append, http })
  }
} finally {
  await Promise.all([api.end(), bare.end()])
}
report(
  'accepted creates/s',
  samples.map(({ accept }) => accept),
)
report(
  'bare appends/s',
  samples.map(({ append }) => append),
)
report(
  'the same POST without storage/s',
  samples.map(({ http }) => http),
)
report(
  'accept : append (goal ≥ 0.42)',
  samples.map(({ accept, append }) => accept / append),
)
report(
  'accept : series bound (goal ≥ 0.65)',
  samples.map(({ accept, append, http }) => accept * (1 / http + 1 / append)),
)
process.exit(0)

async function appendsPerSecond(): Promise<number> {
  const startedAt = performance.now()
  let done = 0
  const worker = async () => {
    for (; performance.now() - startedAt < ms; done++)
      await store.append(`bench-${randomUUID()}`, [newEvent()], 'no_stream')
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return (done / (performance.now() - startedAt)) * 1_000
}

function newEvent() {
  const id = randomUUID()
  const who = { correlationId: id, actor: 'user:bench', tenantId: 'bench' }
  const data = {
    name: 'Test Store',
    engine: 'woocommerce',
    plan: 'small',
    fingerprint: 'f'.repeat(64),
  }
  return { id, type: 'Benchmarked', data, metadata: { ...who, schemaVersion: 1, commandId: id } }
}

async function serve(program: string, env: Record<string, string>) {
  const port = String(await freePort())
  const path = new URL(program, import.meta.url).pathname
  const limits = { STORES_PER_TENANT_MAX: '100000', RATE_LIMIT_PER_MINUTE: '1000000000' }
  const child = spawn(process.execPath, [path], {
    env: { PATH: process.env['PATH'], AUTH: 'off', PORT: port, ...limits, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const url = `http://127.0.0.1:${port}`
  await eventually(async () => {
    if (!(await fetch(`${url}/health/ready`)).ok) throw new Error('not ready')
  })
  return {
    url,
    end: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

function report(what: string, values: number[]): void {
  const sorted = values.toSorted((a, b) => a - b)
  const show = (value = 0) => (value > 10 ? value.toFixed(0) : value.toFixed(2))
  const median = show(sorted[Math.floor(sorted.length / 2)])
  process.stdout.write(`${what}: ${median} (${show(sorted[0])}–${show(sorted.at(-1))})\n`)
}
