import type { EventStore } from '#eventstore'
import type { ObservedRelease } from '../../reconcile/driver.ts'
import { foldStores, type LoggedStore } from './logged-stores.ts'

/** What the log says and what is there, fit to be compared. */
export interface Snapshot {
  stores: LoggedStore[]
  found: FoundRelease[]
  /** Ids of the stores that changed meanwhile: what was found of them may be from before or after. */
  moved: Set<string>
}

/**
 * Looks at the log, at what is there, and at the log again. A store whose stream did not move in between
 * was, when its release was looked at, what the log says it is.
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

/** What lies where a release may lie, whoever made it. */
export interface FoundRelease {
  /** The namespace or the folder. */
  location: string
  /** The release's name: the place's own where the provisioner made it. */
  name: string
  /** The store its labels name. */
  store: string | undefined
  observed: Exclude<ObservedRelease, { status: 'absent' }>
}

/** True for a name only a store's release or namespace has. */
export const isReleaseName = (name: string): boolean => /^s-[a-z2-7]{26}$/.test(name)
