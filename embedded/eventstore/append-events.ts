import { randomUUID } from 'node:crypto'
import { checkExpectedRevision, type Expected } from './rules/expected-revision.ts'
import {
  DELETED_REVISION,
  firstVisibleRevision,
  isSoftDeleted,
  metadataTruncatedBefore,
  parseStreamMetadata,
  SOFT_DELETE_METADATA,
} from './rules/stream-metadata.ts'
import type { UnplacedEvent } from './log/frame.ts'
import type { EventLog } from './log/event-log.ts'
import { describedStream } from './log/index.ts'

export type ProposedEvent = Pick<UnplacedEvent, 'id' | 'type' | 'contentType' | 'metadata' | 'data'>

/** The answer to an append; -1 stands for a stream without events. */
export type AppendOutcome =
  | { kind: 'success'; revision: number; position: number | undefined }
  | { kind: 'conflict'; current: number }
  | { kind: 'deleted' }

interface AppendRequest {
  stream: string
  expected: Expected
  events: ProposedEvent[]
}

/** Appends all events or none, once; answers only when what the answer rests on is on disk. */
export async function appendEvents(log: EventLog, request: AppendRequest): Promise<AppendOutcome> {
  const { stream, expected, events } = request
  const view = log.acceptedView(stream)
  const ids = events.map((event) => event.id)
  const verdict = checkExpectedRevision(view, expected, ids)
  if (verdict.kind === 'append') {
    const placed = placeAfter(view.last, stream, events)
    const positions = await log.commit([...placed, ...revival(log, stream, placed)])
    const revision = view.last + placed.length
    return { kind: 'success', revision, position: positions[placed.length - 1] }
  }
  await log.commit([])
  if (verdict.kind === 'conflict') return { kind: 'conflict', current: view.last }
  if (verdict.kind === 'deleted') return { kind: 'deleted' }
  const { revision } = verdict
  return { kind: 'success', revision, position: visiblePositionOf(log, stream, revision) }
}

/** Hides a stream until it is written to again or, when `hard`, ends it for good. */
export async function deleteStream(
  log: EventLog,
  request: { stream: string; expected: Expected; hard: boolean },
): Promise<AppendOutcome> {
  const { stream, expected, hard } = request
  const view = log.acceptedView(stream)
  const id = randomUUID()
  const verdict = checkExpectedRevision(view, expected, [id])
  if (verdict.kind !== 'append') {
    await log.commit([])
    return verdict.kind === 'deleted'
      ? { kind: 'deleted' }
      : { kind: 'conflict', current: view.last }
  }
  const event = hard ? tombstone(stream, id) : metadataEvent(log, stream, SOFT_DELETE_METADATA)
  const [position] = await log.commit([event])
  return { kind: 'success', revision: Number(event.revision), position }
}

function placeAfter(last: number, stream: string, events: ProposedEvent[]): UnplacedEvent[] {
  const createdMs = Date.now()
  return events.map((event, index) => ({
    ...event,
    stream,
    createdMs,
    revision: BigInt(last + 1 + index),
  }))
}

/** Writing to a soft-deleted stream brings it back, without what it held before. */
function revival(log: EventLog, stream: string, placed: UnplacedEvent[]): UnplacedEvent[] {
  const first = placed[0]
  if (first === undefined) return []
  if (log.acceptedView(stream).softDeleted)
    return [metadataEvent(log, stream, metadataTruncatedBefore(undefined, Number(first.revision)))]
  const newest = placed.at(-1) ?? first
  const described = describedStream(newest)
  if (described === undefined || isSoftDeleted(parseStreamMetadata(newest.data))) return []
  const view = log.acceptedView(described)
  if (!view.softDeleted) return []
  const event = metadataEvent(log, described, metadataTruncatedBefore(newest.data, view.last + 1))
  return [{ ...event, revision: newest.revision + 1n }]
}

function metadataEvent(log: EventLog, stream: string, body: string): UnplacedEvent {
  const metadataStream = `$$${stream}`
  return {
    stream: metadataStream,
    revision: BigInt(log.acceptedView(metadataStream).last + 1),
    createdMs: Date.now(),
    id: randomUUID(),
    type: '$metadata',
    contentType: 'application/json',
    metadata: Buffer.alloc(0),
    data: Buffer.from(body),
  }
}

function tombstone(stream: string, id: string): UnplacedEvent {
  return {
    stream,
    revision: DELETED_REVISION,
    createdMs: Date.now(),
    id,
    type: '$streamDeleted',
    contentType: 'application/octet-stream',
    metadata: Buffer.alloc(0),
    data: Buffer.alloc(0),
  }
}

function visiblePositionOf(log: EventLog, stream: string, revision: number): number | undefined {
  const entry = log.index.stream(stream)
  if (!entry || revision < firstVisibleRevision(entry.metadata, entry.events.length - 1)) return
  const number = entry.events[revision]
  return number === undefined ? undefined : log.index.positions.at(number)
}
