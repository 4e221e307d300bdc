import {
  decodeMetadata,
  decodeStoreEvent,
  type EventView,
  type StoreView,
  storeViewOf,
} from '#contracts'
import {
  AppError,
  operationIdOfStream,
  store as decider,
  type StoreState,
  storeStream,
} from '#domain'
import type { EventStore, RecordedEvent } from '#eventstore'
import type { OpaqueIds } from '#http'

interface Asked {
  tenantId: string
  storeId: string
}

/** The tenant's store folded from the log alone, up to a time if one is given. Throws STORE_NOT_FOUND. */
export async function foldStore(
  store: EventStore,
  { tenantId, storeId, at }: Asked & { at?: string | undefined },
): Promise<StoreView> {
  const all = await collect(store.readStream(storeStream(storeId)))
  const events = at === undefined ? all : upTo(all, Date.parse(at))
  const state = events.reduce((before: StoreState, recorded) => {
    const event = decodeStoreEvent(recorded)
    return event === undefined ? before : decider.evolve(before, event)
  }, decider.initialState())
  const last = events.at(-1)
  if (last === undefined || state.status === 'absent' || state.request.tenantId !== tenantId)
    throw new AppError(
      'STORE_NOT_FOUND',
      at === undefined ? 'There is no such store' : 'There was no such store at that time',
    )
  return storeViewOf(state, { updatedAt: last.recordedAt, revision: last.revision })
}

/**
 * What had happened by then. The clocks of machines differ, and a command may have waited for others: at a time that the
 * API gives for an event, that event is the last, whatever those beside it say.
 */
function upTo(events: RecordedEvent[], time: number): RecordedEvent[] {
  const given = events.findLastIndex((event) => timesOf(event).includes(time))
  if (given !== -1) return events.slice(0, given + 1)
  const later = events.findIndex((event) => Math.min(...timesOf(event)) > time)
  return later === -1 ? events : events.slice(0, later)
}

/** When an event happened: by the log's clock, and by its own. */
function timesOf({ recordedAt, data }: RecordedEvent): number[] {
  const own = Object.entries(data ?? {}).flatMap(([name, value]) =>
    ownTime.test(name) && typeof value === 'string' ? [Date.parse(value)] : [],
  )
  return [Date.parse(recordedAt), ...own]
}

const ownTime = /^(?:requested|started|recorded|failed|provisioned|deleted)At$/

export interface EventPage {
  events: EventView[]
  pagination: { limit: number; hasMore: boolean; nextFrom: number | null }
}

/** A page of the store's own stream, oldest first; it outlives the store. Throws STORE_NOT_FOUND. */
export async function listEvents(
  { store, ids }: { store: EventStore; ids: OpaqueIds },
  { tenantId, storeId, from, limit }: Asked & { from: number; limit: number },
): Promise<EventPage> {
  const stream = storeStream(storeId)
  const [first, page] = await Promise.all([
    collect(store.readStream(stream, { maxCount: 1 })),
    collect(store.readStream(stream, { from: BigInt(from), maxCount: limit + 1 })),
  ])
  const [oldest] = first
  if (oldest === undefined || decodeMetadata(oldest).tenantId !== tenantId)
    throw new AppError('STORE_NOT_FOUND', 'There is no such store')
  const hasMore = page.length > limit
  const nextFrom = hasMore ? from + limit : null
  const events = page.slice(0, limit).map((event) => eventViewOf(event, ids, tenantId))
  return { events, pagination: { limit, hasMore, nextFrom } }
}

/** A stored event as the API shows it: positions and workers are nothing a tenant may look into. */
function eventViewOf(recorded: RecordedEvent, ids: OpaqueIds, tenantId: string): EventView {
  const { actor, actorName, asOperator, address, reason, correlationId, causationId } =
    decodeMetadata(recorded)
  const operationId = operationIdOfStream(causationId ?? '')
  const { id, revision, position, type, data, recordedAt: time } = recorded
  return {
    id,
    revision: Number(revision),
    position: ids.tokenOf(position, tenantId),
    type,
    time,
    actor: actor.replace(
      /^worker:(.*)$/,
      (_, name: string) => `worker:${ids.workerOf(name, tenantId)}`,
    ),
    ...(actorName !== undefined && { actorName }),
    ...(asOperator && { asOperator }),
    // Where an operator works is no tenant's matter.
    ...(address !== undefined && !asOperator && { address }),
    ...(reason !== undefined && { reason }),
    correlationId,
    ...(operationId !== undefined && { operationId }),
    data: withoutWorker(data, (name) => ids.workerOf(name, tenantId)),
  }
}

function withoutWorker(data: unknown, nameOf: (worker: string) => string): Record<string, unknown> {
  if (typeof data !== 'object' || data === null) return {}
  if (!('worker' in data)) return { ...data }
  return { ...data, worker: nameOf(String(data.worker)) }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
