import type { EventLog } from '../log/event-log.ts'
import type { StoredEvent } from '../log/frame.ts'
import type { ReadRange } from './read-stream.ts'

const PAGE_EVENTS = 256

/** Pages of the whole log: forwards including the event at `from`, backwards without it. */
export async function* readAll(
  log: EventLog,
  { from, direction, count }: ReadRange,
): AsyncGenerator<StoredEvent[]> {
  const { positions } = log.index
  const length = positions.length()
  if (direction === 'forwards') {
    let next = positions.firstAtOrAbove(from ?? 0)
    const end = Math.min(length, next + count)
    while (next < end) {
      const page = log.pageOf(range(next, Math.min(end, next + PAGE_EVENTS)))
      next += page.length
      yield await log.read(page)
    }
    return
  }
  let next = from === undefined ? length : positions.firstAtOrAbove(from)
  const end = Math.max(0, next - count)
  while (next > end) {
    const page = log.pageOf(range(Math.max(end, next - PAGE_EVENTS), next).toReversed())
    next -= page.length
    yield (await log.read(page.toReversed())).toReversed()
  }
}

/** The whole numbers from `start` up to, but without, `end`. */
export function range(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, index) => start + index)
}
