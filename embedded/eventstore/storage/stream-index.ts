import {
  DELETED_REVISION,
  parseStreamMetadata,
  type StreamMetadata,
} from '../rules/stream-metadata.ts'
import type { StoredEvent } from './event-frame.ts'
import { growablePositions, type Positions } from './growable-positions.ts'

/** A stream's committed events: `events[revision]` is the event's number in the log. */
interface StreamEntry {
  events: number[]
  metadata: StreamMetadata
  tombstoned: boolean
}

/** Where every committed event lies; about 20 bytes an event, and no bodies. */
export interface StreamIndex {
  positions: Positions
  stream: (name: string) => StreamEntry | undefined
  add: (event: IndexedEvent) => void
}

type IndexedEvent = Pick<StoredEvent, 'position' | 'stream' | 'revision' | 'type' | 'data'>

const METADATA_STREAM = '$$'
const METADATA_TYPE = '$metadata'

/** Makes an empty index; events are added in log order. */
export function streamIndex(): StreamIndex {
  const positions = growablePositions()
  const streams = new Map<string, StreamEntry>()
  const entryOf = (name: string) => {
    const known = streams.get(name)
    if (known) return known
    const entry = newEntry(name)
    streams.set(name, entry)
    return entry
  }
  return {
    positions,
    stream: (name) => streams.get(name),
    add: (event) => {
      const entry = entryOf(event.stream)
      if (event.revision === DELETED_REVISION) entry.tombstoned = true
      else entry.events.push(positions.length())
      positions.push(event.position)
      const described = describedStream(event)
      if (described !== undefined) entryOf(described).metadata = parseStreamMetadata(event.data)
    },
  }
}

/** The stream an event is the metadata of, if it is metadata. */
export function describedStream(event: { stream: string; type: string }): string | undefined {
  return event.type === METADATA_TYPE && event.stream.startsWith(METADATA_STREAM)
    ? event.stream.slice(METADATA_STREAM.length)
    : undefined
}

/** Of a stream's metadata only the newest counts, so only that is shown. */
export function initialMetadata(stream: string): StreamMetadata {
  return stream.startsWith(METADATA_STREAM) ? newestOnly : none
}

const newestOnly: StreamMetadata = { maxCount: 1 }
const none: StreamMetadata = {}

function newEntry(name: string): StreamEntry {
  return { events: [], metadata: initialMetadata(name), tombstoned: false }
}
