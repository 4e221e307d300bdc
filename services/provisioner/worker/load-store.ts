import { decodeMetadata, decodeStoreEvent, requestEventTypes } from '#contracts'
import { store, type StoreEvent, type StoreState, storeStream } from '#domain'
import type { EventStore, Folded, RecordedEvent } from '#eventstore'

/** What asked for the work that is to be done: its ids go into every event of that work. */
export interface Cause {
  eventId: string
  correlationId: string
  tenantId: string
  traceparent?: string
}

export interface LoadedStore extends Folded<StoreState> {
  cause: Cause | undefined
  /** What earlier attempts of the present removal have recorded as to be removed. */
  removedBefore: string[]
}

/** Folds a store's stream. Throws EVENT_UNREADABLE, EVENT_STORE_UNAVAILABLE. */
export async function loadStore(
  eventStore: Pick<EventStore, 'readStream'>,
  storeId: string,
): Promise<LoadedStore> {
  const loaded: LoadedStore = {
    state: store.initialState(),
    revision: 'no_stream',
    cause: undefined,
    removedBefore: [],
  }
  for await (const recorded of eventStore.readStream(storeStream(storeId))) {
    loaded.revision = recorded.revision
    const event = decodeStoreEvent(recorded)
    if (event === undefined) continue
    loaded.state = store.evolve(loaded.state, event)
    loaded.removedBefore = removedAfter(loaded.removedBefore, event)
    if (requestEventTypes.includes(event.type)) loaded.cause = causeOf(recorded)
  }
  return loaded
}

/** Whether the claim is still the newest of its store, with nothing behind it but its own steps and changes without work. */
export async function isClaimCurrent(
  eventStore: Pick<EventStore, 'readStream'>,
  storeId: string,
  claim: { attempt: number; revision: bigint },
): Promise<boolean> {
  const from = claim.revision + 1n
  for await (const recorded of eventStore.readStream(storeStream(storeId), { from })) {
    const event = decodeStoreEvent(recorded)
    if (event?.type === 'ChangeRequested') continue
    if (event?.type !== 'ProvisioningStepRecorded') return false
    if (event.data.attempt !== claim.attempt) return false
  }
  return true
}

function causeOf(recorded: RecordedEvent): Cause {
  const { correlationId, tenantId, traceparent } = decodeMetadata(recorded)
  const traced = traceparent === undefined ? {} : { traceparent }
  return { eventId: recorded.id, correlationId, tenantId, ...traced }
}

function removedAfter(removed: string[], event: StoreEvent): string[] {
  if (event.type === 'DeletionRequested' || event.type === 'CancelRequested') return []
  if (event.type !== 'ProvisioningStepRecorded' || event.data.step !== 'uninstall') return removed
  const listed = String(event.data.detail['removed'] ?? '').split('\n')
  return [...new Set([...removed, ...listed.filter((line) => line !== '')])]
}
