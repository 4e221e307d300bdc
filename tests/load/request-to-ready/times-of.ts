import { releaseNameOf, storeStream } from '#domain'
import type { EventStore, RecordedEvent } from '#eventstore'
import { z } from 'zod'

const stepDetail = z.object({ detail: z.object({ durationMs: z.number() }) })
const expected = [
  'StoreRequested',
  'ProvisioningStarted',
  'ProvisioningStepRecorded',
  'StoreProvisioned',
]

/** Milliseconds from the request to each mark, by the event store's clock and the release's files. */
export interface StoreTimes {
  claim: number
  helmStart: number
  ready: number
  /** How long helm itself took, with its supervisor. */
  helm: number
}

interface TimesSource {
  store: EventStore
  /** When helm was started for a release, in milliseconds since the epoch. */
  helmStartOf: (release: string) => Promise<number>
}

/** What a store's stream says of its way to ready; undefined while it is under way. Throws for any other way. */
export async function timesOf(
  { store, helmStartOf }: TimesSource,
  storeId: string,
): Promise<StoreTimes | undefined> {
  const events: RecordedEvent[] = []
  for await (const event of store.readStream(storeStream(storeId))) events.push(event)
  const types = events.map(({ type }) => type)
  if (types.join() !== expected.slice(0, types.length).join())
    throw new Error(`${storeId} went another way: ${types.join(', ')}`)
  const [requested, claimed, step, ready] = events
  if (!requested || !claimed || !step || !ready) return undefined
  const start = Date.parse(requested.recordedAt)
  return {
    claim: Date.parse(claimed.recordedAt) - start,
    helmStart: (await helmStartOf(releaseNameOf(storeId))) - start,
    ready: Date.parse(ready.recordedAt) - start,
    helm: stepDetail.parse(step.data).detail.durationMs,
  }
}
