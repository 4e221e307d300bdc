import { releaseNameOf } from '#domain'
import { assessMissing, assessRelease } from './assess-store.ts'
import { type Finding, findingOf, named } from './findings.ts'
import type { FoundRelease, LoggedStore, Snapshot } from './snapshot/snapshot.ts'

export interface CompareOptions extends Snapshot {
  /** ISO 8601. */
  now: string
  /** A store with open work and no event for this long has no worker. */
  silentMs: number
}

/** Where log and releases disagree, by id. A store whose stream moved while the snapshot was taken is left out. */
export function compare({ stores, found, moved, ...times }: CompareOptions): Finding[] {
  const known = new Map(stores.map((store) => [store.id, store]))
  const byLocation = new Map(stores.map((store) => [releaseNameOf(store.id), store]))
  const isOwn = ({ location, name }: FoundRelease) => location === name && byLocation.has(location)
  const own = new Map(found.filter(isOwn).map((release) => [release.location, release]))
  const ofStores = [...byLocation].flatMap(([location, store]) => {
    if (moved.has(store.id)) return []
    if (store.unreadable !== undefined) return [unreadable(store, location, store.unreadable)]
    const release = own.get(location)
    const assessed = release
      ? assessRelease({ store, release, ...times })
      : assessMissing(store, location)
    return assessed ? [assessed] : []
  })
  const others = found
    .filter((release) => !isOwn(release))
    .map((release) => {
      const store = known.get(release.store ?? '')
      return store === undefined ? orphan(release) : second(release, store)
    })
  return [...ofStores, ...others].toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

function orphan(release: FoundRelease): Finding {
  const owner = release.store === undefined ? 'no store' : `store ${release.store}`
  return findingOf({
    kind: 'orphan-release',
    location: release,
    sentence: `${named(release)} belongs to ${owner}, and the log has no such store.`,
    nextAction:
      'Find out whether another installation made it, or the log was restored from an older backup. Remove it by hand if nobody wants it',
  })
}

function second(release: FoundRelease, store: LoggedStore): Finding {
  return findingOf({
    kind: 'second-release',
    location: release,
    store,
    sentence: `${named(release)} carries the labels of store ${store.id}, whose release is ${releaseNameOf(store.id)}.`,
    nextAction: 'Find out who made it: the provisioner did not. Remove it by hand',
  })
}

function unreadable(store: LoggedStore, location: string, why: string): Finding {
  return findingOf({
    kind: 'unreadable-store',
    location: { location, name: location },
    store,
    sentence: `The stream of store ${store.id} cannot be read, so its release cannot be assessed: ${why}`,
    nextAction: 'Run the doctor of a version that can read the event',
  })
}
