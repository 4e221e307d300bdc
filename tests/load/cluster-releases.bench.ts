import { clusterWorld, platformCluster } from '#test/cluster/cluster-world'
import { bareHelm } from './cluster/bare-helm.ts'
import { cpuSplit, type CpuSplit } from './cluster/cpu-split.ts'
import { loadNow, print, printTable, quantile } from './cluster/report.ts'
import { askFor, untilReady } from './cluster/stores.ts'

// How many stores a minute one provisioner brings up on the local cluster, and whose CPU that takes; and, in turns, a
// bare loop of the same helm commands. A store that fails, or takes more than one run of helm, ends the run as void.
// Arguments: stores a measurement (20; a third of them with a concurrency of one), turns beside the bare loop (3).

const [stores = 20, turns = 3] = process.argv.slice(2, 4).map(Number)
const CONCURRENCY = [1, 4, 12, 16]
const CONCURRENCY_BESIDE_BARE = 12
const WARM_UP_STORES = 4

await using cluster = await platformCluster()
await using world = await clusterWorld(cluster, { times: {} })
print(`Load before: ${loadNow()}\n`)
const rows = []
for (const concurrency of CONCURRENCY) {
  const { perMinute, cpu } = await measured(
    concurrency,
    concurrency === 1 ? Math.ceil(stores / 3) : stores,
  )
  const columns = Object.values(cpu).map((ms) => (ms / 1_000).toFixed(2))
  const total = Object.values(cpu).reduce((sum, ms) => sum + ms, 0)
  rows.push([concurrency, perMinute.toFixed(0), ...columns, (total / 1_000).toFixed(2), loadNow()])
}
const names = ['helm', 'API server', 'rest of the cluster', 'provisioner', 'event store, NATS']
printTable(
  ['concurrency', 'a minute', ...names.map((name) => `${name}, s`), 'sum, s', 'load'],
  rows,
)
const ratios: number[] = []
for (let turn = 0; turn < turns; turn++) {
  const ours = await measured(CONCURRENCY_BESIDE_BARE, stores)
  const bare = await bareHelm(world, { atOnce: CONCURRENCY_BESIDE_BARE, count: stores })
  ratios.push(ours.perMinute / bare)
  print(
    `\n${CONCURRENCY_BESIDE_BARE} at once: ${ours.perMinute.toFixed(0)} a minute, bare ${bare.toFixed(0)}`,
  )
}
const [median, least, most] = [0.5, 0, 1].map((part) => quantile(ratios, part).toFixed(2))
print(`ours : bare ${median} (${least}–${most}); load ${loadNow()}`)

/** Releases a minute, and CPU milliseconds a release. */
async function measured(concurrency: number, count: number) {
  await using provisioner = await world.startProvisioner({ CONCURRENCY: String(concurrency) })
  await ready(await askFor(world, Math.min(WARM_UP_STORES, concurrency)))
  const ids = await askFor(world, count)
  const dependencies = { log: world.log.pid, bus: world.nats.pid }
  const processes = { cluster: cluster.pids(), provisioner: provisioner.pid, dependencies }
  const before = await cpuSplit(processes)
  const startedAt = Date.now()
  const tookMs = (await ready(ids)) - startedAt
  const after = await cpuSplit(processes)
  return { perMinute: (count * 60_000) / tookMs, cpu: perRelease(before, after, count) }
}

async function ready(ids: string[]): Promise<number> {
  await Promise.all(ids.map(world.notify))
  return untilReady(world, ids)
}

function perRelease(before: CpuSplit, after: CpuSplit, count: number): CpuSplit {
  const used = (name: keyof CpuSplit) => (after[name] - before[name]) / count
  return {
    helm: used('helm'),
    'API server': used('API server'),
    'rest of the cluster': used('rest of the cluster'),
    provisioner: used('provisioner'),
    'event store, NATS': used('event store, NATS'),
  }
}
