import {
  DELETED_REVISION,
  parseStreamMetadata,
  type StreamMetadata,
} from '../rules/stream-metadata.ts'
import { readFrame, readOwner, type StoredEvent } from './frame.ts'
import { growablePositions, type Positions } from './positions.ts'
import {
  eventsOf,
  findStream,
  mergedTable,
  type NewEvents,
  streamTableBuilder,
  type StreamTable,
  tombstoneOf,
} from './stream-table.ts'

/** A stream's committed events as they were when it was asked for. */
interface StreamEntry {
  /** Numbers of the events in the log, by revision. */
  events: EventNumbers
  metadata: StreamMetadata
  /** Number of the event that ended the stream for good. */
  tombstone: number | undefined
}

interface EventNumbers {
  length: number
  at: (revision: number) => number | undefined
  /** As of an array, but of no negative revisions. */
  slice: (from: number, to: number) => number[]
}

/** Where every committed event lies; about 12 bytes an event, and no bodies. */
export interface StreamIndex {
  positions: Positions
  /** A stream nobody has written to has no events. */
  stream: (name: string) => StreamEntry
  /** Whether the stream, or the one it describes, has ended for good. */
  tombstoned: (name: string) => boolean
  add: (event: StoredEvent, beginsRecord: boolean) => void
  /** Merges what is new into the table in small steps, of which the first takes the index as it is; nothing waits for it. */
  merge: () => Generator<void, IndexContent>
}

/** All an index holds, the first `events` of its positions. */
export interface IndexContent {
  events: number
  positions: Positions
  table: StreamTable
  /** Of streams that have other metadata than a new one. */
  metadata: [stream: string, StreamMetadata][]
}

const METADATA_STREAM = '$$'
const DOLLAR = 0x24

/** What the index of a log holds that is added event by event, all of it. */
export function indexBuilder() {
  const positions = growablePositions()
  const streams = streamTableBuilder()
  const metadata = new Map<string, StreamMetadata>()
  return {
    add: (source: Buffer, offset: number, position: number, beginsRecord: boolean) => {
      const { name, isTombstone } = readOwner(source, offset)
      streams.add(name, isTombstone)
      positions.push(position, beginsRecord)
      if (name[0] === DOLLAR && name[1] === DOLLAR)
        noteMetadata(metadata, readFrame(source, offset, position))
    },
    content: (): IndexContent => {
      const table = streams.table()
      return { events: positions.length(), positions, table, metadata: [...metadata] }
    },
  }
}

function noteMetadata(metadata: Map<string, StreamMetadata>, event: StoredEvent): void {
  const described = describedStream(event.stream)
  if (described !== undefined && describedStream(described) === undefined)
    metadata.set(described, metadataBy(event, described))
}

/** Continues with what an index held. */
export function streamIndex(content: IndexContent): StreamIndex {
  const { positions } = content
  let { table } = content
  const metadata = new Map(content.metadata)
  let merging = new Map<string, NewEvents>()
  let newest = new Map<string, NewEvents>()
  const entryOf = (name: string) => {
    const known = newest.get(name)
    if (known) return known
    const entry: NewEvents = { events: [], tombstone: undefined }
    newest.set(name, entry)
    return entry
  }
  const tombstone = (name: string) => {
    const added = newest.get(name)?.tombstone ?? merging.get(name)?.tombstone
    if (added !== undefined) return added
    const known = findStream(table, name)
    return known === -1 ? undefined : tombstoneOf(table, known)
  }
  return {
    positions,
    stream: (name) => {
      const known = findStream(table, name)
      return {
        events: eventNumbers([
          known === -1 ? [] : eventsOf(table, known),
          merging.get(name)?.events ?? [],
          newest.get(name)?.events ?? [],
        ]),
        metadata: metadata.get(name) ?? initialMetadata(name),
        tombstone: tombstone(name),
      }
    },
    tombstoned: (name) => streamAndDescribed(name).some((each) => tombstone(each) !== undefined),
    add: (event, beginsRecord) => {
      const entry = entryOf(event.stream)
      if (event.revision === DELETED_REVISION) entry.tombstone = positions.length()
      else entry.events.push(positions.length())
      positions.push(event.position, beginsRecord)
      noteMetadata(metadata, event)
    },
    merge: function* () {
      const taken = { events: positions.length(), metadata: [...metadata] }
      merging = newest
      newest = new Map()
      table = yield* mergedTable(table, merging)
      merging = new Map()
      return { ...taken, positions, table }
    },
  }
}

function eventNumbers(layers: ArrayLike<number>[]): EventNumbers {
  const lengths = layers.map(({ length }) => length)
  const length = lengths.reduce((sum, each) => sum + each, 0)
  const at = (revision: number) => {
    let left = revision
    for (const [index, layer] of layers.entries()) {
      const events = lengths[index] ?? 0
      if (left < events) return layer[left]
      left -= events
    }
    return undefined
  }
  return {
    length,
    at,
    slice: (from, to) => {
      const numbers: number[] = []
      for (let revision = from; revision < Math.min(to, length); revision++)
        numbers.push(at(revision) ?? NaN)
      return numbers
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
function initialMetadata(stream: string): StreamMetadata {
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
