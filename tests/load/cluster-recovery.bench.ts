import { setTimeout as wait } from 'node:timers/promises'
import { releaseNameOf, storeStream } from '#domain'
import { watchedHelm } from '#test/cluster/cluster-helm'
import { brokenCharts, clusterWorld, platformCluster } from '#test/cluster/cluster-world'
import { eventually } from '#test/eventually'
import { loadNow, print, printTable, quantile } from './cluster/report.ts'

// How long a store waits when its provisioner is killed with -9 in mid-helm, with the default times: until the next
// attempt starts helm, and until it is ready. Several at once, each killed at a moment of its own; the provisioner that
// takes over has been there for longer than a lease, as a second replica is. More than two attempts, or more than one
// run of helm in each, end the run as void.
// Arguments: rounds (20), at once (5).

const [rounds = 20, atOnce = 5] = process.argv.slice(2, 4).map(Number)
const LIMIT_MS = 120_000
// Longer than a lease is believed to be held without a sign.
const AT_HOME_MS = 16_000
// One period of the renewals.
const SPREAD_MS = 4_000

await using cluster = await platformCluster()
await using world = await clusterWorld(cluster, { times: {} })
const helm = await watchedHelm(world)
const broken = {
  HELM_BIN: helm.executable,
  CHARTS_DIR: await brokenCharts(world),
  CONCURRENCY: '1',
}
print(`Load before: ${loadNow()}\n`)
const found: { helmStart: number; ready: number }[] = []
while (found.length < rounds) {
  found.push(...(await wave(Math.min(atOnce, rounds - found.length))))
  print(`${found.length} of ${rounds}; load ${loadNow()}`)
}
const row = (name: string, values: number[]) => [
  name,
  ...[0, 0.5, 1].map((part) => (quantile(values, part) / 1_000).toFixed(1)),
]
print('')
printTable(
  ['seconds from kill -9 in mid-helm', 'least', 'p50', 'max'],
  [
    row(
      '→ next helm',
      found.map(({ helmStart }) => helmStart),
    ),
    row(
      '→ ready',
      found.map(({ ready }) => ready),
    ),
  ],
)

/** Kills that many provisioners, each in the middle of its one run of helm. */
async function wave(count: number) {
  await using provisioners = new AsyncDisposableStack()
  const doomed: Awaited<ReturnType<typeof world.startProvisioner>>[] = []
  // One after the other: on a busy machine many at once take longer than one may.
  while (doomed.length < count) doomed.push(provisioners.use(await world.startProvisioner(broken)))
  const ids = await Promise.all(doomed.map(() => world.request()))
  await eventually(() => runsOf(ids, 1), { timeoutMs: LIMIT_MS, everyMs: 200 })
  const change = { HELM_BIN: helm.executable, CONCURRENCY: String(2 * count) }
  provisioners.use(await world.startProvisioner(change))
  await wait(AT_HOME_MS)
  return await Promise.all(
    ids.map(async (id) => {
      await wait(Math.random() * SPREAD_MS)
      const worker = await workerOf(id)
      const victim = doomed.find(({ workerId }) => workerId === worker)
      if (victim === undefined) throw new Error(`${id} is not in the hands of ${worker}`)
      const killedAt = Date.now()
      await victim.kill()
      return until(id, killedAt)
    }),
  )
}

async function until(id: string, killedAt: number) {
  const look = async () => {
    const events = await read(id)
    const said = events.map(({ type }) => type).join(', ')
    if (!said.endsWith('StoreProvisioned')) throw new Error(`${id} is not ready: ${said}`)
    return events
  }
  const events = await eventually(look, { timeoutMs: LIMIT_MS, everyMs: 250 })
  const claims = events.filter(({ type }) => type === 'ProvisioningStarted')
  const [, second, ...more] = await helm.runs('upgrade', releaseNameOf(id))
  if (claims.length !== 2 || second === undefined || more.length > 0)
    throw new Error(`${id} went another way: ${events.map(({ type }) => type).join(', ')}`)
  const readyAt = Date.parse(events.at(-1)?.recordedAt ?? '')
  return { helmStart: second.startedAt - killedAt, ready: readyAt - killedAt }
}

async function runsOf(ids: string[], count: number): Promise<void> {
  for (const id of ids)
    if ((await helm.runs('upgrade', releaseNameOf(id))).length !== count)
      throw new Error(`${id} is not in mid-helm`)
}

async function workerOf(id: string): Promise<string | undefined> {
  const [, started] = await world.history(id)
  return started?.type === 'ProvisioningStarted' ? started.data.worker : undefined
}

async function read(id: string) {
  const events: { type: string; recordedAt: string }[] = []
  for await (const { type, recordedAt } of world.eventStore.readStream(storeStream(id)))
    events.push({ type, recordedAt })
  return events
}
