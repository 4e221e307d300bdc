import type { EventLog } from '../log/event-log.ts'
import type { StoredEvent } from '../log/frame.ts'
import { RECORD_HEADER_BYTES } from '../log/record.ts'
import { firstVisibleRevision, isSoftDeleted, isYoungEnough } from '../rules/stream-metadata.ts'

const PAGE_EVENTS = 256
/** Revisions EventStoreDB reads at a time. */
const ORIGINAL_PAGE_EVENTS = 32

export interface ReadRange {
  /** First revision or position; undefined stands for the end that lies ahead of the reader. */
  from: number | undefined
  direction: 'forwards' | 'backwards'
  count: number
}

/** What a reader finds under a stream's name. */
export function stateOfStream(log: EventLog, stream: string): 'missing' | 'deleted' | 'readable' {
  if (log.index.tombstoned(stream)) return 'deleted'
  return isMissing(log, stream) ? 'missing' : 'readable'
}

/** Whether the stream has nothing that could be read, unless it is written to. */
export function isMissing(log: EventLog, stream: string): boolean {
  const { events, metadata } = log.index.stream(stream)
  return events.length === 0 || isSoftDeleted(metadata)
}

/** Pages of a readable stream's visible events, as they were when the read began. */
export async function* readStream(
  log: EventLog,
  stream: string,
  { from, direction, count }: ReadRange,
): AsyncGenerator<StoredEvent[]> {
  const entry = log.index.stream(stream)
  const { metadata } = entry
  const last = entry.events.length - 1
  const first = firstVisibleRevision(metadata, last)
  const step = direction === 'forwards' ? 1 : -1
  let next = step === 1 ? Math.max(from ?? 0, first) : Math.min(from ?? last, last)
  for (let wanted = count; wanted > 0;) {
    const ahead = step === 1 ? last - next + 1 : next - first + 1
    const revisions = Math.min(wanted, PAGE_EVENTS, ahead)
    if (revisions < 1) return
    const edge = step === 1 ? next : next - revisions + 1
    const numbers = entry.events.slice(edge, edge + revisions)
    const page = log.pageOf(step === 1 ? numbers : numbers.toReversed())
    next += page.length * step
    const events = await readPage(log, page, step)
    const visible = events.filter((event) => isYoungEnough(metadata, event.createdMs))
    wanted -= visible.length
    yield visible
  }
}

/** The first and last revision a reader may be told of: `first` once for each page of the original that holds nothing. */
interface StreamBounds {
  first: number[]
  last: number
}

/** What EventStoreDB says about a stream's ends before and behind a forward read that found its first event at `found`. */
export function boundsOf(
  log: EventLog,
  stream: string,
  { from, count }: ReadRange,
  found: number | undefined,
): StreamBounds {
  const { events, metadata } = log.index.stream(stream)
  const last = events.length - 1
  const lowest = firstVisibleRevision(metadata, last)
  const page = Math.min(ORIGINAL_PAGE_EVENTS, count)
  const first: number[] = []
  let asked = from ?? 0
  if (asked + page - 1 < lowest) first.push((asked = lowest))
  const isEmpty = found === undefined || Math.max(asked, lowest) > last
  if (isEmpty) return { first: asked === last + 1 ? first : [...first, last + 1], last }
  return { first: found > asked + page - 1 ? [...first, found] : first, last }
}

async function readPage(log: EventLog, numbers: number[], step: number): Promise<StoredEvent[]> {
  if (step === 1) return log.read(numbers)
  return (await log.read(numbers.toReversed())).toReversed()
}

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
