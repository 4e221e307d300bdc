import type { EventStore } from '#eventstore'
import type { ObservedRelease } from '../../reconcile/driver.ts'
import { foldStores, type LoggedStore } from './logged-stores.ts'

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
