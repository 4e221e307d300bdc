import type { RecordedEvent } from '#eventstore'
import { projectEvent, type StoreProjection } from './store-projection.ts'

/** What the read models hold of a stream before a fold. */
export interface KnownStream {
  projection?: StoreProjection
  /** An event of the stream is parked, so all later ones are parked too, in order. */
  parked: boolean
}

export interface ParkedEvent {
  event: RecordedEvent
  reason: string
}

export interface Folded {
  /** The newest projection of every stream that changed: a batch is coalesced before it is written. */
  changed: Map<string, StoreProjection>
  parked: ParkedEvent[]
}

/** Folds events of stores' streams, in log order, onto what is known of those streams. Pure, except that it updates `known`. */
export function foldEvents(known: Map<string, KnownStream>, events: RecordedEvent[]): Folded {
  const changed: Folded['changed'] = new Map()
  const parked: ParkedEvent[] = []
  for (const event of events) {
    const stream = known.get(event.stream) ?? { parked: false }
    known.set(event.stream, stream)
    if (stream.parked) {
      parked.push({ event, reason: 'follows a parked event' })
      continue
    }
    const projected = projectEvent(stream.projection, event)
    if (projected.kind === 'projected') {
      stream.projection = projected.projection
      changed.set(event.stream, projected.projection)
    } else if (projected.kind === 'refused') {
      stream.parked = true
      parked.push({ event, reason: projected.reason })
    }
  }
  return { changed, parked }
}
