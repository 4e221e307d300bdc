import type { EventLog } from '../log/event-log.ts'
import type { StoredEvent } from '../log/frame.ts'
import { RECORD_HEADER_BYTES } from '../log/record.ts'
import type { ReadRange } from './read-stream.ts'

const PAGE_EVENTS = 256

/** Pages of the whole log: forwards including the event at `from`, backwards without it; `count` counts what matches. */
export async function* readAll(
  log: EventLog,
  { from, direction, count }: ReadRange,
  matches: (event: StoredEvent) => boolean = () => true,
): AsyncGenerator<StoredEvent[]> {
  const { positions } = log.index
  const length = positions.length()
  const start = from === undefined ? length : positions.firstAtOrAbove(from)
  const forwards = direction === 'forwards'
  let left = forwards ? length - start : start
  for (let wanted = count; wanted > 0 && left > 0;) {
    const step = Math.min(left, PAGE_EVENTS, Math.max(wanted, 1))
    const first = forwards ? length - left : left - step
    const numbers = range(first, first + step)
    const page = log.pageOf(forwards ? numbers : numbers.toReversed())
    left -= page.length
    const read = await log.read(forwards ? page : page.toReversed())
    const matching = (forwards ? read : read.toReversed()).filter(matches).slice(0, wanted)
    wanted -= matching.length
    yield matching
  }
}

/** Whether something may be read from the position: an event or a record begins there, or the log ends there or before. */
export function isPlace(log: EventLog, position: number): boolean {
  const { positions } = log.index
  const number = positions.firstAtOrAbove(position)
  if (position <= 0 || number === positions.length()) return true
  const gap = positions.at(number) - position
  return gap === 0 || gap === RECORD_HEADER_BYTES
}

/** The whole numbers from `start` up to, but without, `end`. */
export function range(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, index) => start + index)
}
