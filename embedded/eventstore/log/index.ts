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
