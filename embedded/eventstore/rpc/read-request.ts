import streams from '@eventstore/db-client/generated/streams_pb.js'
import { status } from '@grpc/grpc-js'
import type { ReadRange } from '../query/read-pages.ts'
import {
  compileFilter,
  type EventFilter,
  type EventMatcher,
  UnsupportedExpression,
} from '../rules/dotnet-expression.ts'
import { grpcError, invalidArgument, notValid, thrownByHandler } from './errors.ts'
import { streamName } from './proposed-event.ts'

type Options = streams.ReadReq.Options
type Filter = streams.ReadReq.Options.FilterOptions

const { ReadDirection } = streams.ReadReq.Options
/** By their numbers on the wire. */
const DIRECTIONS = ['Forwards', 'Backwards']
const DEFAULT_WINDOW_EVENTS = 32
const END = -1n

/** Where a reader or subscriber starts. */
type Start = 'start' | 'end' | number

/** The filter of a reader or subscriber, and how often it is told how far the log has been searched. */
interface SearchFilter {
  matches: EventMatcher
  /** Events that are searched at a time. */
  windowEvents: number
  checkpointEvents: number
}

/** What a Read asks for, checked; `stream` is undefined for the whole log. */
export interface ReadRequest {
  stream: string | undefined
  start: Start
  direction: 'forwards' | 'backwards'
  count: number
  resolveLinks: boolean
  isSubscription: boolean
  filter: SearchFilter | undefined
  /** Ids are sent as text, or as two numbers. */
  textIds: boolean
  /** The client knows of first and last stream positions. */
  tellsPositions: boolean
}

/** Reads a request; throws a ServiceError where it makes no sense. */
export function readRequest(options: Options | undefined): ReadRequest {
  if (!options) throw thrownByHandler()
  if (!options.hasStream() && !options.hasAll())
    throw notValid('None', 'ReadReq+Types+Options+StreamOptionOneofCase')
  checkCombination(options)
  const filter = options.getFilter()
  const isSubscription = options.hasSubscription()
  return {
    ...placeOf(options),
    direction: options.getReadDirection() === ReadDirection.BACKWARDS ? 'backwards' : 'forwards',
    count: Number(options.getCount()),
    resolveLinks: options.getResolveLinks(),
    isSubscription,
    filter: filter && filterOf(filter, isSubscription),
    textIds: options.getUuidOption()?.hasString() ?? false,
    tellsPositions: (options.getControlOption()?.getCompatibility() ?? 0) >= 1,
  }
}

/** The range of a plain read; throws a ServiceError where it is none, whether or not there is such a stream. */
export function rangeOf({ stream, start, direction, count }: ReadRequest): ReadRange {
  const forwardsFromEnd = stream !== undefined && direction === 'forwards' && start === 'end'
  if (count < 1 && stream === undefined) throw thrownByHandler()
  if (count < 1 || forwardsFromEnd)
    throw grpcError(status.UNKNOWN, 'Unexpected ReadStreamResult: Error')
  if (start === 'start') return { from: 0, direction, count }
  return { from: start === 'end' ? undefined : start, direction, count }
}

function checkCombination(options: Options): void {
  const stream = options.hasStream() ? 'Stream' : 'All'
  const count = options.hasCount() ? 'Count' : options.hasSubscription() ? 'Subscription' : 'None'
  const value: number = options.getReadDirection()
  const direction = DIRECTIONS[value] ?? `${value}`
  const filter = options.hasFilter() ? 'Filter' : options.hasNoFilter() ? 'NoFilter' : 'None'
  const known =
    count !== 'None' &&
    filter !== 'None' &&
    !(filter === 'Filter' && stream === 'Stream') &&
    (direction === 'Forwards' || (direction === 'Backwards' && count === 'Count'))
  const combination = [stream, count, direction, filter].join(', ')
  if (!known) throw invalidArgument(`The combination of (${combination}) is invalid.`)
}

function placeOf(options: Options): { stream: string | undefined; start: Start } {
  const stream = options.getStream()
  if (stream) {
    if (!stream.hasRevision() && !stream.hasStart() && !stream.hasEnd()) throw thrownByHandler()
    const start = stream.hasRevision() ? revisionOf(stream.getRevision()) : endOrStart(stream)
    return { stream: streamName(stream.getStreamIdentifier()), start }
  }
  const all = options.getAll()
  const position = all?.getPosition()
  if (!all || !position) return { stream: undefined, start: all ? endOrStart(all) : 'start' }
  const commit = BigInt.asIntN(64, BigInt(position.getCommitPosition()))
  const prepare = BigInt.asIntN(64, BigInt(position.getPreparePosition()))
  if (commit === END) return { stream: undefined, start: 'end' }
  if (commit < prepare || commit < 0n) throw thrownByHandler()
  return { stream: undefined, start: Number(commit) }
}

function revisionOf(text: string): Start {
  const revision = BigInt.asIntN(64, BigInt(text))
  if (revision === END) return 'end'
  if (revision < 0n) throw thrownByHandler()
  return Number(revision)
}

function endOrStart(place: { hasEnd: () => boolean }): 'end' | 'start' {
  return place.hasEnd() ? 'end' : 'start'
}

function filterOf(filter: Filter, isSubscription: boolean): SearchFilter {
  const expression = filter.getStreamIdentifier() ?? filter.getEventType()
  if (!expression) throw notValid(filterText(filter), 'ReadReq+Types+Options+Types+FilterOptions')
  if (!filter.hasMax() && !filter.hasCount())
    throw notValid('None', 'ReadReq+Types+Options+Types+FilterOptions+WindowOneofCase')
  const multiplier = filter.getCheckpointintervalmultiplier()
  if (isSubscription && multiplier === 0) throw thrownByHandler()
  const windowEvents = Math.max(1, filter.hasMax() ? filter.getMax() : DEFAULT_WINDOW_EVENTS)
  return {
    matches: matcherOf({
      on: filter.hasStreamIdentifier() ? 'stream' : 'type',
      regex: expression.getRegex(),
      prefixes: expression.getPrefixList(),
    }),
    windowEvents,
    checkpointEvents: multiplier * windowEvents,
  }
}

function matcherOf(filter: EventFilter): EventMatcher {
  try {
    return compileFilter(filter)
  } catch (error) {
    if (!(error instanceof UnsupportedExpression)) throw thrownByHandler()
    throw invalidArgument(`The expression '${filter.regex}' cannot be run in linear time.`)
  }
}

/** The filter as the original prints it. */
function filterText(filter: Filter): string {
  const multiplier = filter.getCheckpointintervalmultiplier()
  const fields = [
    ...(filter.hasMax() ? [`"max": ${filter.getMax()}`] : []),
    ...(filter.hasCount() ? ['"count": { }'] : []),
    ...(multiplier === 0 ? [] : [`"checkpointIntervalMultiplier": ${multiplier}`]),
  ]
  return fields.length === 0 ? '{ }' : `{ ${fields.join(', ')} }`
}
