import type { RecordedEvent } from '#eventstore'
import type { ClientBase } from 'pg'
import { countChanges } from '../projections/count-changes.ts'
import { foldEvents, type ParkedEvent } from '../projections/fold-events.ts'
import { readKnown } from './read-known.ts'
import { writeCounts, writeParked, writeStores } from './write-read-models.ts'

export interface Applied {
  /** Rows of stores that were written. */
  stores: number
  parked: ParkedEvent[]
}

/** Applies events of the log, in order, to the read models; within the caller's transaction. Other streams' events change nothing. */
export async function applyEvents(client: ClientBase, events: RecordedEvent[]): Promise<Applied> {
  const ours = events.filter(({ stream }) => stream.startsWith('store-'))
  if (ours.length === 0) return { stores: 0, parked: [] }
  const known = await readKnown(client, ours)
  const before = new Map([...known].map(([stream, { projection }]) => [stream, projection]))
  const { changed, parked } = foldEvents(known, ours)
  const steps = [...changed].map(([stream, after]) => ({ before: before.get(stream), after }))
  await writeStores(client, [...changed.values()])
  await writeCounts(client, countChanges(steps))
  await writeParked(client, parked)
  return { stores: changed.size, parked }
}
