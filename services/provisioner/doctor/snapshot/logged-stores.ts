import { decodeStoreEvent } from '#contracts'
import { hasCode, store, type StoreState } from '#domain'
import type { EventStore, RecordedEvent } from '#eventstore'

/** A store as the log records it. */
export interface LoggedStore {
  id: string
  state: StoreState
  /** Of its newest event. */
  revision: bigint
  /** When its newest event was stored; ISO 8601. */
  changedAt: string
  /** Why this version cannot read its stream. */
  unreadable?: string
}

export interface FoldedStores {
  stores: Map<string, LoggedStore>
  /** Of the last event in the fold. */
  position: bigint | undefined
}

const storeStreamName = /^store-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** Folds every store's stream in one read of the log, continuing an earlier fold where one is given. */
export async function foldStores(
  eventStore: EventStore,
  earlier?: FoldedStores,
): Promise<FoldedStores> {
  const stores = new Map(earlier?.stores)
  let position = earlier?.position
  for await (const recorded of eventStore.readAll(
    position === undefined ? {} : { after: position },
  )) {
    position = recorded.position
    const id = storeStreamName.exec(recorded.stream)?.[1]
    if (id !== undefined) stores.set(id, after(stores.get(id), id, recorded))
  }
  return { stores, position }
}

function after(before: LoggedStore | undefined, id: string, recorded: RecordedEvent): LoggedStore {
  const { revision, recordedAt: changedAt } = recorded
  const known = before ?? { id, state: store.initialState() }
  try {
    const event = decodeStoreEvent(recorded)
    const state = event === undefined ? known.state : store.evolve(known.state, event)
    return { ...known, state, revision, changedAt }
  } catch (error) {
    if (!hasCode(error, 'EVENT_UNREADABLE')) throw error
    return { ...known, revision, changedAt, unreadable: error.message }
  }
}
