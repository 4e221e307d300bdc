import type { EventStore } from '#eventstore'
import { foldStores, type LoggedStore } from './fold-stores.ts'
import type { FoundRelease } from './found-release.ts'

/** What the log says and what is there, fit to be compared. */
export interface Look {
  stores: LoggedStore[]
  found: FoundRelease[]
  /** Ids of the stores that changed meanwhile: what was found of them may be from before or after. */
  moved: Set<string>
}

/**
 * Looks at the log, at what is there, and at the log again. A store whose stream did not move in between
 * was, when its release was looked at, what the log says it is.
 */
export async function look(
  eventStore: EventStore,
  findReleases: () => Promise<FoundRelease[]>,
): Promise<Look> {
  const before = await foldStores(eventStore)
  const found = await findReleases()
  const after = await foldStores(eventStore, before)
  const stores = [...after.stores.values()]
  const hasMoved = ({ id, revision }: LoggedStore) => before.stores.get(id)?.revision !== revision
  return { stores, found, moved: new Set(stores.filter(hasMoved).map(({ id }) => id)) }
}
