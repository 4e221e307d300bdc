import type { EventStore, RecordedEvent } from '#eventstore'
import { foldEvents, type KnownStream, type ParkedEvent } from '../../projections/fold-events.ts'

/** The whole log folded in memory. */
export interface FoldedLog {
  streams: Map<string, KnownStream>
  parked: ParkedEvent[]
  events: number
  /** The last event in the fold; undefined when the log is empty. */
  last: { position: bigint; id: string } | undefined
}

const EVENTS_AT_ONCE = 1_000

/** Folds the log from its beginning to where it ends now. Needs about 2 KB of memory a store. */
export async function foldLog(
  store: EventStore,
  onProgress: (events: number) => void,
): Promise<FoldedLog> {
  const head = await store.head()
  const folded: FoldedLog = { streams: new Map(), parked: [], events: 0, last: undefined }
  if (head === undefined) return folded
  let chunk: RecordedEvent[] = []
  for await (const event of store.readAll()) {
    if (event.position > head.position) break
    chunk.push(event)
    if (chunk.length < EVENTS_AT_ONCE) continue
    fold(folded, chunk)
    chunk = []
    onProgress(folded.events)
  }
  fold(folded, chunk)
  return folded
}

function fold(folded: FoldedLog, events: RecordedEvent[]): void {
  const last = events.at(-1)
  if (last === undefined) return
  folded.events += events.length
  folded.last = { position: last.position, id: last.id }
  const ours = events.filter(({ stream }) => stream.startsWith('store-'))
  folded.parked.push(...foldEvents(folded.streams, ours).parked)
}
