import type { EventLog } from '../log/event-log.ts'
import type { StoredEvent } from '../log/frame.ts'
import {
  firstVisibleRevision,
  isSoftDeleted,
  isYoungEnough,
  type StreamMetadata,
} from '../rules/stream-metadata.ts'

const PAGE_EVENTS = 256

export interface ReadRange {
  /** First revision or position; undefined stands for the end that lies ahead of the reader. */
  from: number | undefined
  direction: 'forwards' | 'backwards'
  count: number
}

/** What a reader finds under a stream's name. */
export function stateOfStream(log: EventLog, stream: string): 'missing' | 'deleted' | 'readable' {
  const entry = log.index.stream(stream)
  if (entry?.tombstoned) return 'deleted'
  return !entry || entry.events.length === 0 || isSoftDeleted(entry.metadata)
    ? 'missing'
    : 'readable'
}

/** Pages of a readable stream's visible events, as they were when the read began. */
export async function* readStream(
  log: EventLog,
  stream: string,
  { from, direction, count }: ReadRange,
): AsyncGenerator<StoredEvent[]> {
  const entry = log.index.stream(stream)
  if (!entry) return
  const { metadata } = entry
  const last = entry.events.length - 1
  const first = firstVisibleRevision(metadata, last)
  const step = direction === 'forwards' ? 1 : -1
  let next = step === 1 ? Math.max(from ?? 0, first) : Math.min(from ?? last, last)
  for (let wanted = count; wanted > 0;) {
    const ahead = step === 1 ? last - next + 1 : next - first + 1
    const revisions = Math.min(wanted, PAGE_EVENTS, ahead)
    if (revisions < 1) return
    const numbers = Array.from({ length: revisions }, (_, n) => entry.events[next + n * step] ?? 0)
    const page = log.pageOf(numbers)
    next += page.length * step
    const visible = (await readPage(log, page, step)).filter((event) => isVisible(metadata, event))
    wanted -= visible.length
    yield visible
  }
}

/** Whether a reader of the stream may see the event, its revision being high enough. */
function isVisible(metadata: StreamMetadata, event: StoredEvent): boolean {
  return isYoungEnough(metadata, event.createdMs)
}

async function readPage(log: EventLog, numbers: number[], step: number): Promise<StoredEvent[]> {
  if (step === 1) return log.read(numbers)
  return (await log.read(numbers.toReversed())).toReversed()
}
