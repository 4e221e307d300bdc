import type { EventLog } from '../log/event-log.ts'
import type { StoredEvent } from '../log/frame.ts'
import { compileFilter, type EventFilter } from '../rules/event-filter.ts'
import { firstVisibleRevision, isYoungEnough } from '../rules/stream-metadata.ts'
import { range } from './read-all.ts'

/** One subscriber's place in the log: a number, never a queue. */
export interface SubscriptionCursor {
  /** Numbers of the next committed events, empty at the end; moves the cursor behind them. */
  next: (eventsMax: number) => number[]
  /** Whether the event is the subscriber's; to be asked in order, once each. */
  accepts: (event: StoredEvent) => boolean
  /** Whether a checkpoint follows the event that `accepts` was asked about last. */
  checkpointDue: () => boolean
}

export interface CheckpointedFilter extends EventFilter {
  checkpointEvents: number
}

/** A cursor over one stream, behind revision `after`; undefined starts at the end. */
export function streamCursor(
  log: EventLog,
  stream: string,
  after: number | undefined,
): SubscriptionCursor {
  const entryOf = () => log.index.stream(stream)
  let nextRevision = after === undefined ? (entryOf()?.events.length ?? 0) : after + 1
  return {
    next: (eventsMax) => {
      const entry = entryOf()
      if (!entry) return []
      const first = firstVisibleRevision(entry.metadata, entry.events.length - 1)
      const from = Math.max(nextRevision, first)
      const numbers = log.pageOf(entry.events.slice(from, from + eventsMax))
      if (numbers.length > 0) nextRevision = from + numbers.length
      return numbers
    },
    accepts: (event) => isYoungEnough(entryOf()?.metadata ?? {}, event.createdMs),
    checkpointDue: () => false,
  }
}

/** A cursor over the whole log, behind position `after`; undefined starts at the end. */
export function allCursor(
  log: EventLog,
  after: number | undefined,
  filter: CheckpointedFilter | undefined,
): SubscriptionCursor {
  const { positions } = log.index
  let nextNumber = after === undefined ? positions.length() : positions.firstAtOrAbove(after + 1)
  let considered = 0
  const matches = filter ? compileFilter(filter) : () => true
  return {
    next: (eventsMax) => {
      const end = Math.min(positions.length(), nextNumber + eventsMax)
      const numbers = log.pageOf(range(nextNumber, end))
      nextNumber += numbers.length
      return numbers
    },
    accepts: (event) => {
      considered++
      return matches(event)
    },
    checkpointDue: () => {
      if (!filter || considered < filter.checkpointEvents) return false
      considered = 0
      return true
    },
  }
}
