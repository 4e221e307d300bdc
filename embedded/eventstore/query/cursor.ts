import type { EventLog } from '../log/event-log.ts'
import type { StoredEvent } from '../log/frame.ts'
import { firstVisibleRevision, isYoungEnough } from '../rules/stream-metadata.ts'
import { isMissing, range } from './read-pages.ts'

/** One subscriber's place in the log: a number, never a queue. */
export interface SubscriptionCursor {
  /** Numbers of the next committed events, empty at the end; moves the cursor behind them. */
  next: (eventsMax: number) => number[]
  /** Whether the event is the subscriber's. */
  accepts: (event: StoredEvent) => boolean
  /** From now on everything new is the subscriber's: what hides events from readers hides none from followers. */
  goLive: () => void
  /** Whether the followed stream has ended for good, seen from here. */
  ended: () => boolean
  /** Whether there is no such stream yet: then there is nothing to catch up with. */
  waiting: () => boolean
}

/** A cursor over one stream, behind revision `after`; undefined starts at the end. */
export function streamCursor(
  log: EventLog,
  stream: string,
  after: number | undefined,
): SubscriptionCursor {
  const entryOf = () => log.index.stream(stream)
  const lengthOf = () => entryOf().events.length
  let nextRevision = after === undefined ? lengthOf() : after + 1
  let live = false
  // Who follows from the end of a stream that has ended already waits for ever.
  const endedBefore = after === undefined && log.index.tombstoned(stream)
  let tombstoneSent = false
  return {
    next: (eventsMax) => {
      const entry = entryOf()
      const last = entry.events.length - 1
      const first = live ? 0 : firstVisibleRevision(entry.metadata, last)
      const from = Math.max(nextRevision, first)
      const numbers = log.pageOf(entry.events.slice(from, from + eventsMax))
      if (numbers.length > 0) nextRevision = from + numbers.length
      const { tombstone } = entry
      if (numbers.length > 0 || !live || endedBefore || tombstoneSent || tombstone === undefined)
        return numbers
      tombstoneSent = true
      return [tombstone]
    },
    accepts: (event) => live || isYoungEnough(entryOf().metadata, event.createdMs),
    goLive: () => {
      if (!live) nextRevision = Math.max(nextRevision, lengthOf())
      live = true
    },
    ended: () => {
      if (live) return tombstoneSent
      return !endedBefore && log.index.tombstoned(stream)
    },
    waiting: () => !live && after !== undefined && isMissing(log, stream),
  }
}

/** A cursor over the whole log, behind position `after`; undefined starts at the end. */
export function allCursor(
  log: EventLog,
  after: number | undefined,
  matches: ((event: StoredEvent) => boolean) | undefined,
): SubscriptionCursor {
  const { positions } = log.index
  let nextNumber = after === undefined ? positions.length() : positions.firstAtOrAbove(after + 1)
  return {
    next: (eventsMax) => {
      const end = Math.min(positions.length(), nextNumber + eventsMax)
      const numbers = log.pageOf(range(nextNumber, end))
      nextNumber += numbers.length
      return numbers
    },
    accepts: matches ?? (() => true),
    goLive: () => undefined,
    ended: () => false,
    waiting: () => false,
  }
}
