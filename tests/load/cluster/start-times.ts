import { releaseNameOf, storeStream } from '#domain'
import type { EventStore } from '#eventstore'
import type { watchedHelm } from '#test/cluster/cluster-helm'
import { eventually } from '#test/eventually'

interface Source {
  store: EventStore
  helm: Awaited<ReturnType<typeof watchedHelm>>
  /** The event a store's one attempt ends with. */
  settled: string
}

/** Milliseconds from the request. */
export interface StartTimes {
  claim: number
  helmStart: number
}

const LIMIT_MS = 600_000

/** Waits until each store's attempt has ended. Throws unless each was claimed once and had one run of helm. */
export async function startTimes(source: Source, ids: string[]): Promise<StartTimes[]> {
  const times: StartTimes[] = []
  for (const id of ids) {
    const found = await eventually(() => timesOf(source, id), { timeoutMs: LIMIT_MS, everyMs: 500 })
    if (typeof found === 'string') throw new Error(found)
    times.push(found)
  }
  return times
}

async function timesOf({ store, helm, settled }: Source, id: string) {
  const events: { type: string; at: number }[] = []
  for await (const { type, recordedAt } of store.readStream(storeStream(id)))
    events.push({ type, at: Date.parse(recordedAt) })
  if (events.at(-1)?.type !== settled) throw new Error(`${id} is not settled`)
  const [requested, claimed] = events
  const claims = events.filter(({ type }) => type === 'ProvisioningStarted')
  const [run, ...more] = await helm.runs('upgrade', releaseNameOf(id))
  if (!requested || !claimed || !run || claims.length !== 1 || more.length > 0)
    return `${id} went another way: ${events.map(({ type }) => type).join(', ')}`
  return { claim: claimed.at - requested.at, helmStart: run.startedAt - requested.at }
}
