import {
  DELETED_REVISION,
  parseStreamMetadata,
  type StreamMetadata,
} from '../rules/stream-metadata.ts'
import type { StoredEvent } from './frame.ts'

/** A stream's committed events: `events[revision]` is the event's number in the log. */
interface StreamEntry {
  events: number[]
  metadata: StreamMetadata
  /** Number of the event that ended the stream for good. */
  tombstone: number | undefined
}

/** Where every committed event lies; about 20 bytes an event, and no bodies. */
export interface StreamIndex {
  positions: Positions
  stream: (name: string) => StreamEntry | undefined
  /** Whether the stream, or the one it describes, has ended for good. */
  tombstoned: (name: string) => boolean
  add: (event: IndexedEvent) => void
}

type IndexedEvent = Pick<StoredEvent, 'position' | 'stream' | 'revision' | 'contentType' | 'data'>

const METADATA_STREAM = '$$'

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
    tombstoned: (name) =>
      streamAndDescribed(name).some((each) => streams.get(each)?.tombstone !== undefined),
    add: (event) => {
      const entry = entryOf(event.stream)
      if (event.revision === DELETED_REVISION) entry.tombstone = positions.length()
      else entry.events.push(positions.length())
      positions.push(event.position)
      const described = describedStream(event.stream)
      if (described !== undefined) entryOf(described).metadata = metadataBy(event, described)
    },
  }
}

/** The stream a metadata stream describes; undefined for others. */
export function describedStream(name: string): string | undefined {
  return name.startsWith(METADATA_STREAM) ? name.slice(METADATA_STREAM.length) : undefined
}

/** The stream, the stream it describes, and so on: with the last of them all end. */
export function streamAndDescribed(name: string): string[] {
  const described = describedStream(name)
  return described === undefined ? [name] : [name, ...streamAndDescribed(described)]
}

/** Of a stream's metadata only the newest counts, so only that is shown, whatever its own metadata says. */
export function initialMetadata(stream: string): StreamMetadata {
  return describedStream(stream) === undefined ? none : newestOnly
}

/** What holds for the described stream after the newest event of its metadata stream. */
export function metadataBy(
  event: Pick<StoredEvent, 'contentType' | 'data'>,
  described: string,
): StreamMetadata {
  return describedStream(described) === undefined
    ? parseStreamMetadata(event.data, event.contentType)
    : newestOnly
}

const newestOnly: StreamMetadata = { maxCount: 1 }
const none: StreamMetadata = {}

function newEntry(name: string): StreamEntry {
  return { events: [], metadata: initialMetadata(name), tombstone: undefined }
}

const FIRST_CAPACITY = 4096

/** File offsets in order, 8 bytes each, growing by half. */
export interface Positions {
  length: () => number
  at: (index: number) => number
  push: (position: number) => void
  /** Index of the first entry at or above `position`; the length where there is none. */
  firstAtOrAbove: (position: number) => number
}

/** Makes an empty list. */
function growablePositions(): Positions {
  let values = new Float64Array(FIRST_CAPACITY)
  let length = 0
  return {
    length: () => length,
    at: (index) => values[index] ?? NaN,
    push: (position) => {
      if (length === values.length) {
        const grown = new Float64Array(Math.ceil(length * 1.5))
        grown.set(values)
        values = grown
      }
      values[length++] = position
    },
    firstAtOrAbove: (position) => {
      let low = 0
      let high = length
      while (low < high) {
        const middle = (low + high) >>> 1
        if ((values[middle] ?? NaN) < position) low = middle + 1
        else high = middle
      }
      return low
    },
  }
}
