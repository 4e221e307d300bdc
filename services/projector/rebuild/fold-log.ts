import type { EventStore, RecordedEvent } from '#eventstore'
import { foldEvents, type KnownStream, type ParkedEvent } from '../projections/fold-events.ts'

/** The whole log folded in memory. */
export interface FoldedLog {
  streams: Map<string, KnownStream>
  parked: ParkedEvent[]
  events: number
  /** The last event in the fold; undefined when the log is empty. */
  last: { position: bigint; id: string } | undefined
}

/** Folds the log from its beginning to where it ends now. Needs about 2 KB of memory a store. */
export async function foldLog(
  store: EventStore,
  onProgress: (events: number) => void,
): Promise<FoldedLog> {
  const head = await store.head()
  const folded: FoldedLog = { streams: new Map(), parked: [], events: 0, last: undefined }
  if (head === undefined) return folded
  for await (const event of store.readAll()) {
    if (event.position > head.position) break
    fold(folded, event)
    if (folded.events % 10_000 === 0) onProgress(folded.events)
  }
  return folded
}

function fold(folded: FoldedLog, event: RecordedEvent): void {
  folded.events++
  folded.last = event
  if (!event.stream.startsWith('store-')) return
  folded.parked.push(...foldEvents(folded.streams, [event]).parked)
}
