import { chmod, stat, writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { openEventStore } from '#eventstore'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { storeClient } from '#test/stack/store-client'
import { cpuOf } from './request-to-ready/cpu-of.ts'
import { memoryOf } from './request-to-ready/memory-of.ts'
import { separateStack } from './request-to-ready/separate-stack.ts'
import { timesOf, type StoreTimes } from './request-to-ready/times-of.ts'

// How long a store takes from its request to ready, and its parts, with every service a process of its own and two
// provisioners with CONCURRENCY=4. A store that is lost, fails or is worked on twice ends the run as void.
// Arguments: stores a second (5), seconds (30), helm (real | none: a program that prints one object and ends, so
// that what is left is our own way).

const [rate = 5, seconds = 30] = process.argv.slice(2, 4).map(Number)
const helm = process.argv[4] ?? 'real'
const WARM_UP_STORES = 5
const READY_TIMEOUT_MS = 120_000

await using tools = await tempFolder('storewright-load-tools-')
await using stack = await separateStack({
  RATE_LIMIT_PER_MINUTE: '100000',
  LOG_LEVEL: 'warn',
  ...(helm === 'none' && { HELM_BIN: await noHelm() }),
})
const store = openEventStore({ connectionString: stack.eventStoreUrl })
const { accepted } = storeClient(stack.url)
const idle = await memoryOf(await stack.pids())
const [first] = await untilReady(await requests(WARM_UP_STORES))
const { all, busy, cpu } = await measured()
await store.close()
report(all)
if (first) print(`The first store after the start was ready in ${first.ready} ms.`)
reportProcesses()

async function measured() {
  const before = await cpuOf(await stack.pids())
  const ids = await requests(rate * seconds)
  const busyNow = await memoryOf(await stack.pids())
  const ready = await untilReady(ids)
  const after = await cpuOf(await stack.pids())
  const perStore = Object.entries(after).map(
    ([name, ms]) => [name, (ms - (before[name] ?? Number.NaN)) / ids.length] as const,
  )
  return { all: ready, busy: busyNow, cpu: new Map(perStore) }
}

/** Asks for stores at a steady rate, however long an answer takes. */
async function requests(count: number): Promise<string[]> {
  const startedAt = performance.now()
  const asked: Promise<string>[] = []
  for (let n = 0; n < count; n++) {
    await wait(Math.max(0, startedAt + (n * 1_000) / rate - performance.now()))
    asked.push(accepted({ name: `Store ${n}`, engine: n % 2 === 0 ? 'woocommerce' : 'medusa' }))
  }
  return Promise.all(asked)
}

async function untilReady(ids: string[]): Promise<StoreTimes[]> {
  // The file that takes helm's output is made when helm has been started.
  const helmStartOf = async (release: string) =>
    (await stat(join(stack.releasesDir, release, 'manifests.yaml'))).birthtimeMs
  const source = { store, helmStartOf }
  const ready = async (id: string) => {
    const found = await timesOf(source, id)
    if (found === undefined) throw new Error(`${id} is not ready`)
    return found
  }
  const found: StoreTimes[] = []
  for (const id of ids)
    found.push(await eventually(() => ready(id), { timeoutMs: READY_TIMEOUT_MS, everyMs: 500 }))
  return found
}

function report(stores: StoreTimes[]): void {
  const load = loadavg()
    .map((value) => value.toFixed(1))
    .join(' ')
  print(`${stores.length} stores at ${rate}/s, helm ${helm}: each ready exactly once; load ${load}`)
  print('ms                      p50     p99     max')
  line('request → claim', stores, ({ claim }) => claim)
  line('request → helm start', stores, ({ helmStart }) => helmStart)
  line('request → ready', stores, ({ ready }) => ready)
  line('helm itself', stores, (times) => times.helm)
  line('ready : helm itself', stores, (times) => times.ready / times.helm, 2)
}

function line(
  name: string,
  stores: StoreTimes[],
  value: (times: StoreTimes) => number,
  digits = 0,
): void {
  const sorted = stores.map(value).toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.ceil(part * sorted.length) - 1] ?? Number.NaN
  const columns = [at(0.5), at(0.99), at(1)].map((ms) => ms.toFixed(digits).padStart(8))
  print(name.padEnd(19) + columns.join(''))
}

function reportProcesses(): void {
  print('\nMiB resident           idle    busy   CPU ms a store')
  for (const [name, mebibytes] of Object.entries(idle)) {
    const columns = [`${mebibytes}`, `${busy[name]}`, (cpu.get(name) ?? Number.NaN).toFixed(1)]
    print(name.padEnd(19) + columns.map((column) => column.padStart(8)).join(''))
  }
  const total = [...cpu.values()].reduce((sum, ms) => sum + ms, 0)
  print(`CPU of all, with helm: ${total.toFixed(0)} ms a store`)
}

async function noHelm(): Promise<string> {
  const path = join(tools.path, 'helm')
  const object = 'kind: ConfigMap\\nmetadata: {name: none}\\n'
  await writeFile(path, `#!/bin/sh\n[ "$1" = version ] && printf v4.1.4 || printf '${object}'\n`)
  await chmod(path, 0o755)
  return path
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
