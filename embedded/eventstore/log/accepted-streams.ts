import type { StreamView } from '../rules/expected-revision.ts'
import { DELETED_REVISION, type StreamMetadata } from '../rules/stream-metadata.ts'
import type { UnplacedEvent } from './frame.ts'
import { describedStream, metadataBy, streamAndDescribed, type StreamIndex } from './index.ts'

interface Accepted {
  last: number
  tombstoned: boolean
  metadata: StreamMetadata
  ids: Map<number, string>
  uncommitted: number
}

interface AcceptedStreamsOptions {
  index: StreamIndex
  seen: SeenIds
  storedIdAt: (eventNumber: number) => string
}

/** Streams as writers see them: what is on disk, and what is on its way there. */
interface AcceptedStreams {
  view: (stream: string) => StreamView
  accept: (events: UnplacedEvent[]) => void
  /** Forgets what the index knows by now. */
  committed: (events: UnplacedEvent[]) => void
}

/** Lays appends that were accepted but are not yet on disk over the index. */
export function acceptedStreams(options: AcceptedStreamsOptions): AcceptedStreams {
  const { index, seen, storedIdAt } = options
  const overlay = new Map<string, Accepted>()
  const current = (name: string): Accepted => overlay.get(name) ?? fromIndex(index, name)
  const touch = (name: string) => {
    const entry = current(name)
    entry.uncommitted++
    overlay.set(name, entry)
    return entry
  }
  const release = (name: string) => {
    const entry = overlay.get(name)
    if (entry && --entry.uncommitted === 0) overlay.delete(name)
  }
  return {
    view: (stream) => {
      const entry = current(stream)
      return {
        last: entry.last,
        tombstoned: streamAndDescribed(stream).some((name) => current(name).tombstoned),
        softDeletedBy: entry.metadata.softDeletedBy,
        hasMetadata: current(`$$${stream}`).last >= 0,
        revisionSeen: (id) => seen.revisionOf(stream, id),
        idAt: (revision) => {
          const stored = index.stream(stream).events.at(revision)
          return stored === undefined ? entry.ids.get(revision) : storedIdAt(stored)
        },
      }
    },
    accept: (events) => {
      for (const event of events) {
        addTo(touch(event.stream), event)
        if (event.revision !== DELETED_REVISION)
          seen.add(event.stream, event.id, Number(event.revision))
        const described = describedStream(event.stream)
        if (described !== undefined) touch(described).metadata = metadataBy(event, described)
      }
    },
    committed: (events) => {
      for (const event of events) {
        release(event.stream)
        const described = describedStream(event.stream)
        if (described !== undefined) release(described)
      }
    },
  }
}

function addTo(entry: Accepted, event: UnplacedEvent): void {
  if (event.revision === DELETED_REVISION) {
    entry.tombstoned = true
    return
  }
  entry.last = Number(event.revision)
  entry.ids.set(entry.last, event.id)
}

function fromIndex(index: StreamIndex, name: string): Accepted {
  const { events, tombstone, metadata } = index.stream(name)
  return {
    last: events.length - 1,
    tombstoned: tombstone !== undefined,
    metadata,
    ids: new Map(),
    uncommitted: 0,
  }
}

const CAPACITY = 65_536

/** Which event ids were written lately, and where first; bounded, and empty after a restart, as in EventStoreDB. */
interface SeenIds {
  revisionOf: (stream: string, id: string) => number | undefined
  add: (stream: string, id: string, revision: number) => void
}

/** An id belongs to the place that had it first. Forgets the oldest once `capacity` of them are known. */
export function seenIds(capacity = CAPACITY): SeenIds {
  const places = new Map<string, { stream: string; revision: number }>()
  return {
    revisionOf: (stream, id) => {
      const place = places.get(id)
      return place?.stream === stream ? place.revision : undefined
    },
    add: (stream, id, revision) => {
      if (places.has(id)) return
      places.set(id, { stream, revision })
      if (places.size <= capacity) return
      for (const oldest of places.keys()) {
        places.delete(oldest)
        break
      }
    },
  }
}
