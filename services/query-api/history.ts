import {
  decodeMetadata,
  decodeStoreEvent,
  type Diagnosis,
  type EventView,
  type Point,
  type StoreDifference,
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
import { differenceOf, type EventStore, type RecordedEvent } from '#eventstore'
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
  const { state, last } = fold(at === undefined ? all : upTo(all, Date.parse(at)))
  if (last === undefined || state.status === 'absent' || state.request.tenantId !== tenantId)
    throw new AppError(
      'STORE_NOT_FOUND',
      at === undefined ? 'There is no such store' : 'There was no such store at that time',
    )
  return storeViewOf(state, { updatedAt: last.recordedAt, revision: last.revision })
}

function fold(events: RecordedEvent[]) {
  const state = events.reduce((before: StoreState, recorded) => {
    const event = decodeStoreEvent(recorded)
    return event === undefined ? before : decider.evolve(before, event)
  }, decider.initialState())
  return { state, last: events.at(-1) }
}

/** All events of the tenant's store. Throws STORE_NOT_FOUND. */
async function historyOf(store: EventStore, { tenantId, storeId }: Asked) {
  const events = await collect(store.readStream(storeStream(storeId)))
  const { state, last } = fold(events)
  if (last === undefined || state.status === 'absent' || state.request.tenantId !== tenantId)
    throw new AppError('STORE_NOT_FOUND', 'There is no such store')
  return { events, state, last }
}

/** What changed of the tenant's store between two revisions or times. Throws STORE_NOT_FOUND. */
export async function diffStore(
  store: EventStore,
  { from, to, ...asked }: Asked & { from?: Point | undefined; to?: Point | undefined },
): Promise<StoreDifference> {
  const { events } = await historyOf(store, asked)
  const [before, after] = [placeOf(events, from ?? 0), placeOf(events, to ?? events.length - 1)]
  const { storeId } = asked
  const changes = differenceOf(before.shown, after.shown)
  return { storeId, from: before.place, to: after.place, changes }
}

function placeOf(events: RecordedEvent[], point: Point) {
  if (typeof point === 'number' && point >= events.length)
    throw new AppError('REQUEST_INVALID', `The store has no revision ${point} yet`)
  const { state, last } = fold(
    typeof point === 'number' ? events.slice(0, point + 1) : upTo(events, Date.parse(point)),
  )
  if (last === undefined || state.status === 'absent')
    return { place: { revision: null, time: null }, shown: {} }
  const { recordedAt: time, revision } = last
  const {
    updatedAt: _,
    revision: _revision,
    ...shown
  } = storeViewOf(state, {
    updatedAt: time,
    revision,
  })
  return { place: { revision: Number(revision), time }, shown }
}

const EVIDENCE_MAX = 20

/** What the tenant's store waits for, or why it failed, with the events that tell it. Throws STORE_NOT_FOUND. */
export async function diagnose(
  { store, ids }: { store: EventStore; ids: OpaqueIds },
  asked: Asked,
): Promise<Diagnosis> {
  const { events, state } = await historyOf(store, asked)
  const begun = events.findLastIndex(({ type }) => beginnings.test(type))
  const since = events[Math.max(begun, 0)]?.recordedAt ?? ''
  const evidence = events.slice(Math.max(begun, 0)).slice(-EVIDENCE_MAX)
  const { failure, nextAction, summary } = explain(state)
  return {
    storeId: asked.storeId,
    status: state.status,
    summary,
    since,
    attempt: 'attempt' in state ? state.attempt : 0,
    failures: 'failures' in state ? state.failures : 0,
    nextAttemptAt: ('notBefore' in state && state.notBefore) || null,
    failure,
    nextAction,
    evidence: evidence.map((event) => eventViewOf(event, ids, asked.tenantId)),
  }
}

/** Work begins with what a person asked for. */
const beginnings = /^(?:Store|Retry|Cancel|Upgrade|Deletion)Requested$/

function explain(state: StoreState) {
  const failure =
    'failure' in state ? state.failure : ('lastFailure' in state && state.lastFailure) || null
  if ('failure' in state)
    return {
      failure,
      nextAction: state.failure.nextAction,
      summary: `It failed: ${state.failure.detail}`,
    }
  const nextAction = failure?.nextAction ?? null
  const claim = 'claim' in state ? state.claim : undefined
  const goal = goals[state.status]
  if (goal === undefined) return { failure, nextAction: null, summary: endings[state.status] ?? '' }
  if (claim !== undefined)
    return { failure, nextAction, summary: `Attempt ${claim.attempt} is at work ${goal}` }
  if (failure !== null)
    return {
      failure,
      nextAction,
      summary: `The last attempt ${goal} failed: ${failure.detail}; another one follows`,
    }
  return { failure, nextAction, summary: `It waits for a provisioner ${goal}` }
}

const goals: Partial<Record<StoreState['status'], string>> = {
  requested: 'to install it',
  provisioning: 'to install it',
  upgrading: 'to upgrade it',
  cancelling: 'to remove what was installed',
  deleting: 'to remove it',
}
const endings: Partial<Record<StoreState['status'], string>> = {
  ready: 'It is ready and waits for nothing',
  deleted: 'It was deleted',
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
