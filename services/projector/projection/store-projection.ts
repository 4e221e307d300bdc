import { decodeStoreEvent } from '#contracts'
import { AppError, store, type StoreState } from '#domain'
import type { RecordedEvent } from '#eventstore'

/** A store as far as its stream has been read. */
export interface StoreProjection {
  state: Exclude<StoreState, { status: 'absent' }>
  /** Revision, position and time of the last event in it. */
  revision: bigint
  position: bigint
  updatedAt: string
}

/** What an event does to its store: a new projection, nothing, or a refusal with its reason. */
export type Projected =
  | { kind: 'projected'; projection: StoreProjection }
  | { kind: 'held' }
  | { kind: 'unknown' }
  | { kind: 'refused'; reason: string }

const storeStreamFormat = /^store-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** The store a stream belongs to; undefined when its name does not hold a canonical UUID. */
export const storeIdOfStream = (stream: string): string | undefined =>
  storeStreamFormat.exec(stream)?.[1]

/** Folds one event of a store's stream. Pure; never throws: an event that cannot be projected is refused. */
export function projectEvent(before: StoreProjection | undefined, event: RecordedEvent): Projected {
  if (before !== undefined && event.revision <= before.revision) return { kind: 'held' }
  if (before !== undefined && event.revision !== before.revision + 1n)
    return refused(`revision ${event.revision} follows ${before.revision}: events are missing`)
  try {
    return fold(before, event)
  } catch (error) {
    return refused(error instanceof AppError ? error.message : String(error))
  }
}

function fold(before: StoreProjection | undefined, event: RecordedEvent): Projected {
  const { revision, position, recordedAt: updatedAt } = event
  const decoded = decodeStoreEvent(event)
  if (decoded === undefined) {
    if (before === undefined) return { kind: 'unknown' }
    return { kind: 'projected', projection: { ...before, revision, position, updatedAt } }
  }
  const state = store.evolve(before?.state ?? store.initialState(), decoded)
  if (state.status === 'absent') return refused(`${event.type} before StoreRequested`)
  if (state.request.storeId !== storeIdOfStream(event.stream))
    return refused(`the store ${state.request.storeId} in the stream ${event.stream}`)
  return { kind: 'projected', projection: { state, revision, position, updatedAt } }
}

const refused = (reason: string): Projected => ({ kind: 'refused', reason })
