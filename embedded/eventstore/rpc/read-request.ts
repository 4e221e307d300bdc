import streams from '@eventstore/db-client/generated/streams_pb.js'
import { status } from '@grpc/grpc-js'
import type { CheckpointedFilter } from '../query/cursor.ts'
import type { ReadRange } from '../query/read-stream.ts'
import { grpcError, invalidArgument } from './errors.ts'
import { streamName } from './proposed-event.ts'

type Options = streams.ReadReq.Options
type Filter = streams.ReadReq.Options.FilterOptions

const { BACKWARDS } = streams.ReadReq.Options.ReadDirection
const CHECKPOINT_EVENTS_MIN = 32

/** Where a reader or subscriber starts. */
type Start = 'start' | 'end' | number

/** What a Read asks for, checked; `stream` is undefined for the whole log. */
export interface ReadRequest {
  stream: string | undefined
  start: Start
  direction: 'forwards' | 'backwards'
  count: number
  resolveLinks: boolean
  isSubscription: boolean
  filter: CheckpointedFilter | undefined
}

/** Reads a request; throws a ServiceError where it makes no sense. */
export function readRequest(options: Options | undefined): ReadRequest {
  if (!options) throw invalidArgument('The read came without options.')
  const filter = options.getFilter()
  return {
    ...placeOf(options),
    direction: options.getReadDirection() === BACKWARDS ? 'backwards' : 'forwards',
    count: Number(options.getCount()),
    resolveLinks: options.getResolveLinks(),
    isSubscription: options.hasSubscription(),
    filter: filter && filterOf(filter),
  }
}

/** The range of a plain read. */
export function rangeOf({ start, direction, count }: ReadRequest): ReadRange {
  if (count < 1) throw grpcError(status.UNKNOWN, 'The number of events to read must be above 0.')
  if (direction === 'forwards' && start === 'end')
    throw grpcError(status.UNKNOWN, 'There is nothing to read forwards from the end.')
  if (start === 'start') return { from: 0, direction, count }
  return { from: start === 'end' ? undefined : start, direction, count }
}

function placeOf(options: Options): { stream: string | undefined; start: Start } {
  const stream = options.getStream()
  if (stream) {
    const start = stream.hasRevision() ? Number(stream.getRevision()) : endOrStart(stream)
    return { stream: streamName(stream.getStreamIdentifier()), start }
  }
  const all = options.getAll()
  if (!all) throw invalidArgument('The read names neither a stream nor $all.')
  const position = all.getPosition()
  return {
    stream: undefined,
    start: position ? Number(position.getCommitPosition()) : endOrStart(all),
  }
}

function endOrStart(place: { hasEnd: () => boolean }): 'end' | 'start' {
  return place.hasEnd() ? 'end' : 'start'
}

function filterOf(filter: Filter): CheckpointedFilter {
  const expression = filter.getStreamIdentifier() ?? filter.getEventType()
  const window = Math.max(CHECKPOINT_EVENTS_MIN, filter.getMax())
  return {
    on: filter.hasStreamIdentifier() ? 'stream' : 'type',
    regex: expression?.getRegex() ?? '',
    prefixes: expression?.getPrefixList() ?? [],
    checkpointEvents: Math.max(1, filter.getCheckpointintervalmultiplier()) * window,
  }
}
