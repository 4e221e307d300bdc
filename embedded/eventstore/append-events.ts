import { randomUUID } from 'node:crypto'
import { checkExpectedRevision, type Expected } from './rules/expected-revision.ts'
import {
  DELETED_REVISION,
  firstVisibleRevision,
  isYoungEnough,
  metadataTruncatedBefore,
  SOFT_DELETE_METADATA,
} from './rules/stream-metadata.ts'
import type { UnplacedEvent } from './log/frame.ts'
import type { EventLog } from './log/event-log.ts'
import { describedStream } from './log/index.ts'
import { RECORD_HEADER_BYTES } from './log/record.ts'

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
    const revived = revivals(log, stream, placed)
    const positions = await log.commit([...placed, ...revived])
    const position = positions[placed.length - 1] ?? emptyAppendPosition(log, positions)
    return { kind: 'success', revision: view.last + placed.length, position }
  }
  await log.commit([])
  if (verdict.kind === 'conflict') return { kind: 'conflict', current: view.last }
  if (verdict.kind === 'deleted') return { kind: 'deleted' }
  const { revision } = verdict
  return { kind: 'success', revision, position: await visiblePositionOf(log, stream, revision) }
}

/** Hides a stream until it is written to again or, when `hard`, ends it for good. */
export async function deleteStream(
  log: EventLog,
  request: { stream: string; expected: Expected; hard: boolean },
): Promise<AppendOutcome> {
  const { stream, expected, hard } = request
  const view = log.acceptedView(stream)
  const id = randomUUID()
  const { kind } = checkExpectedRevision(view, expected, [id])
  const isUnknown = view.last < 0 && !view.hasMetadata
  if (kind !== 'append' || (!hard && isUnknown)) {
    await log.commit([])
    return kind === 'deleted' ? { kind } : { kind: 'conflict', current: view.last }
  }
  // EventStoreDB ends its process where the stream's metadata has a tombstone.
  if (!hard && log.acceptedView(`$$${stream}`).tombstoned) return { kind: 'deleted' }
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

/** EventStoreDB writes a record for an append of nothing; here its place is the end of the log, before what it revived. */
function emptyAppendPosition(log: EventLog, revived: number[]): number {
  const [first] = revived
  return first === undefined ? log.end() : first - RECORD_HEADER_BYTES
}

/** Writing to a soft-deleted stream or to its metadata brings it back, without what it held before. */
function revivals(log: EventLog, stream: string, placed: UnplacedEvent[]): UnplacedEvent[] {
  const view = log.acceptedView(stream)
  const described = describedStream(stream)
  const ofDescribed = described === undefined ? undefined : log.acceptedView(described)
  const bodies: [string, string | undefined][] = []
  if (view.softDeletedBy !== undefined)
    bodies.push([stream, metadataTruncatedBefore(view.softDeletedBy, view.last + 1)])
  if (described !== undefined && ofDescribed?.softDeletedBy !== undefined) {
    const text = placed.at(-1)?.data.toString('utf8') ?? ofDescribed.softDeletedBy
    bodies.push([described, metadataTruncatedBefore(text, ofDescribed.last + 1)])
  }
  return bodies.flatMap(([name, body]) => {
    if (body === undefined) return []
    const event = metadataEvent(log, name, body)
    const before = event.stream === stream ? BigInt(placed.length) : 0n
    return [{ ...event, revision: event.revision + before }]
  })
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

async function visiblePositionOf(
  log: EventLog,
  stream: string,
  revision: number,
): Promise<number | undefined> {
  const { metadata, events } = log.index.stream(stream)
  const number = events.at(revision)
  if (number === undefined) return undefined
  if (revision < firstVisibleRevision(metadata, events.length - 1)) return undefined
  if (metadata.maxAgeSeconds === undefined) return log.index.positions.at(number)
  const [event] = await log.read([number])
  return event && isYoungEnough(metadata, event.createdMs) ? event.position : undefined
}
