import { decodeStoreEvent } from '#contracts'
import { hasCode, store, type StoreState } from '#domain'
import type { EventStore, RecordedEvent } from '#eventstore'
import type { ObservedRelease } from '../../reconcile/driver.ts'

/** The stores of the log and the releases found, ready to be compared. */
export interface Snapshot {
  stores: LoggedStore[]
  found: FoundRelease[]
  /** Ids of the stores that changed while the snapshot was taken: their releases may be from before or after. */
  moved: Set<string>
}

/**
 * Reads the log, the releases, and the log again. A store whose stream did not move in between was,
 * when its release was read, in the state the log shows.
 */
export async function takeSnapshot(
  eventStore: EventStore,
  findReleases: () => Promise<FoundRelease[]>,
): Promise<Snapshot> {
  const before = await foldStores(eventStore)
  const found = await findReleases()
  const after = await foldStores(eventStore, before)
  const stores = [...after.stores.values()]
  const hasMoved = ({ id, revision }: LoggedStore) => before.stores.get(id)?.revision !== revision
  return { stores, found, moved: new Set(stores.filter(hasMoved).map(({ id }) => id)) }
}

/** What lies where a release may lie, no matter who made it. */
export interface FoundRelease {
  /** The namespace or the folder. */
  location: string
  /** The release's name: the same as the location's where the provisioner made it. */
  name: string
  /** The store its labels name. */
  store: string | undefined
  observed: Exclude<ObservedRelease, { status: 'absent' }>
}

/** True for a name only a store's release or namespace has. */
export const isReleaseName = (name: string): boolean => /^s-[a-z2-7]{26}$/.test(name)

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

interface FoldedStores {
  stores: Map<string, LoggedStore>
  /** Of the last event in the fold. */
  position: bigint | undefined
}

const storeStreamName = /^store-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** Folds every store's stream in one read of the log, continuing an earlier fold where one is given. */
async function foldStores(eventStore: EventStore, earlier?: FoldedStores): Promise<FoldedStores> {
  const stores = new Map(earlier?.stores)
  let position = earlier?.position
  for await (const recorded of eventStore.readAll(
    position === undefined ? {} : { after: position },
  )) {
    position = recorded.position
    const id = storeStreamName.exec(recorded.stream)?.[1]
    if (id !== undefined) stores.set(id, storeAfter(stores.get(id), id, recorded))
  }
  return { stores, position }
}

function storeAfter(
  before: LoggedStore | undefined,
  id: string,
  recorded: RecordedEvent,
): LoggedStore {
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
