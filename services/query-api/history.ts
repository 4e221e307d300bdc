import {
  decodeMetadata,
  decodeStoreEvent,
  type EventView,
  type StoreView,
  storeViewOf,
} from '#contracts'
import { AppError, store as decider, type StoreEvent, type StoreState, storeStream } from '#domain'
import type { EventStore, RecordedEvent } from '#eventstore'
import type { OpaqueIds } from '#http'

interface Asked {
  tenantId: string
  storeId: string
}

/**
 * The tenant's store folded from the log alone, up to a time if one is given. Each time that the API gives for an
 * event, the event's own and the log's, includes the event. Throws STORE_NOT_FOUND.
 */
export async function foldStore(
  store: EventStore,
  { tenantId, storeId, at }: Asked & { at?: string | undefined },
): Promise<StoreView> {
  const until = at === undefined ? undefined : Date.parse(at)
  let state: StoreState = decider.initialState()
  let last: RecordedEvent | undefined
  for await (const recorded of store.readStream(storeStream(storeId))) {
    const event = decodeStoreEvent(recorded)
    if (until !== undefined && timeOf(recorded, event) > until) break
    if (event !== undefined) state = decider.evolve(state, event)
    last = recorded
  }
  if (last === undefined || state.status === 'absent' || state.request.tenantId !== tenantId)
    throw new AppError(
      'STORE_NOT_FOUND',
      at === undefined ? 'There is no such store' : 'There was no such store at that time',
    )
  return storeViewOf(state, { updatedAt: last.recordedAt, revision: last.revision })
}

/** When an event happened: by its own clock, or by the log's where that is earlier. */
function timeOf({ recordedAt }: RecordedEvent, event: StoreEvent | undefined): number {
  const times = Object.entries(event?.data ?? {}).flatMap(([name, value]) =>
    ownTime.test(name) && typeof value === 'string' ? [Date.parse(value)] : [],
  )
  return Math.min(Date.parse(recordedAt), ...times)
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
  const { actor, actorName, asOperator, address, reason, correlationId } = decodeMetadata(recorded)
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
