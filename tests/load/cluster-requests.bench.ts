import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { openEventStore } from '#eventstore'
import { watchedHelm } from '#test/cluster/cluster-helm'
import { platformCluster } from '#test/cluster/cluster-world'
import { storeClient } from '#test/stack/store-client'
import { tempFolder } from '#test/temp-folder'
import { loadNow, print, printTable, quantile } from './cluster/report.ts'
import { startTimes, type StartTimes } from './cluster/start-times.ts'
import { separateStack } from './request-to-ready/separate-stack.ts'

// From an accepted request to the start of helm with driver cluster: every service a process of its own, two provisioners,
// the local cluster on the same machine. With real helm at a rate two cores can carry and at 20 stores a second, and with
// a program that does nothing in helm's place, so that what is left is our own way, the namespace and its guards
// included. A store that is lost or claimed twice ends the run as void.
// Arguments: stores a second, seconds, helm (real | none); without them all three.

const CONCURRENCY = 16
const WARM_UP_STORES = 6

interface Case {
  rate: number
  seconds: number
  helm: 'real' | 'none'
}

const [rate, seconds, given] = process.argv.slice(2)
const cases: Case[] = rate
  ? [
      {
        rate: Number(rate),
        seconds: Number(seconds ?? 10),
        helm: given === 'none' ? given : 'real',
      },
    ]
  : [
      { rate: 1, seconds: 30, helm: 'real' },
      { rate: 20, seconds: 5, helm: 'real' },
      { rate: 20, seconds: 10, helm: 'none' },
    ]

await using cluster = await platformCluster()
print(`Load before: ${loadNow()}\n`)
const rows = []
for (const one of cases) rows.push(await measured(one))
printTable(
  ['stores', 'claim p50', 'claim p99', 'helm start p50', 'helm start p99', 'max', 'load'],
  rows,
)

/** Milliseconds from `StoreRequested` to the claim and to helm's start. */
async function measured({ rate: perSecond, seconds: forSeconds, helm }: Case) {
  await using folder = await tempFolder('storewright-cluster-requests-')
  const watched = await watchedHelm(
    { folder: folder.path },
    helm === 'real' ? undefined : await noHelm(folder.path),
  )
  await using stack = await separateStack({
    ...cluster.environment,
    CONCURRENCY: String(CONCURRENCY),
    HELM_BIN: watched.executable,
    RATE_LIMIT_PER_MINUTE: '100000',
    // Where helm does nothing every attempt fails: once is enough.
    RETRY_DELAYS_MS: '600000',
    LOG_LEVEL: 'warn',
  })
  const store = openEventStore({ connectionString: stack.eventStoreUrl })
  const settled = helm === 'real' ? 'StoreProvisioned' : 'ProvisioningAttemptFailed'
  const source = { store, helm: watched, settled }
  const ask = (count: number) => requests(stack.url, { count, perSecond })
  await startTimes(source, await ask(WARM_UP_STORES))
  const ids = await ask(perSecond * forSeconds)
  const load = loadNow()
  const times = await startTimes(source, ids)
  await store.close()
  const at = (name: keyof StartTimes, part: number) =>
    quantile(
      times.map((one) => one[name]),
      part,
    ).toFixed(0)
  return [
    `${ids.length} at ${perSecond}/s, helm ${helm}`,
    at('claim', 0.5),
    at('claim', 0.99),
    at('helmStart', 0.5),
    at('helmStart', 0.99),
    at('helmStart', 1),
    load,
  ]
}

/** Asks for stores at a steady rate, however long an answer takes. */
async function requests(url: string, { count, perSecond }: { count: number; perSecond: number }) {
  const { accepted } = storeClient(url)
  const asked: Promise<string>[] = []
  const startedAt = performance.now()
  for (let n = 0; n < count; n++) {
    await wait(Math.max(0, startedAt + (n * 1_000) / perSecond - performance.now()))
    asked.push(accepted({ name: `Store ${n}` }))
  }
  return Promise.all(asked)
}

async function noHelm(folder: string): Promise<string> {
  const path = join(folder, 'no-helm')
  await writeFile(path, '#!/bin/sh\n[ "$1" = version ] && printf v4.1.4\nexit 0\n')
  await chmod(path, 0o755)
  return path
}
