import { inTurn, pause } from '#async'
import { AppError, type Decider, type EventMetadata, hasCode } from '#domain'
import type { EventStore, ExpectedRevision, NewEvent, RecordedEvent } from './event-store.ts'
import { eventId } from './ids.ts'

const ATTEMPTS_MAX = 10
const PAUSE_MAX_MS = 20
const SCHEMA_VERSION = 1

/** Who sent a command, on whose behalf and in answer to what. */
export interface CommandContext {
  /** The events' ids are derived from it: the same command must carry the same one. */
  commandId: string
  correlationId: string
  causationId?: string
  actor: string
  tenantId: string
  traceparent?: string
}

export interface HandleCommandArgs<S, C, E extends StoredEvent> {
  store: EventStore
  decider: Decider<S, C, E>
  /** Parses a stored event; undefined for one the decider does not know, which is left out. */
  decode: (event: RecordedEvent) => E | undefined
  stream: string
  command: C
  context: CommandContext
  /** Ids in place of the ones derived from command id and index. */
  eventIds?: (events: E[]) => string[]
  signal?: AbortSignal
}

export interface HandledCommand<S, E> {
  /** The state after the command. */
  state: S
  /** What the command caused; empty when it had already happened. */
  events: E[]
  revision: ExpectedRevision
  /** Of the last event caused, where any was. */
  position: bigint | undefined
}

interface StoredEvent {
  type: string
  data: unknown
}

/**
 * Loads a stream, decides, appends; decides again when another writer was first. An append that landed without its
 * answer is found by its ids and is a success.
 */
export function handleCommand<S, C, E extends StoredEvent>(
  args: HandleCommandArgs<S, C, E>,
): Promise<HandledCommand<S, E>> {
  return inTurn(args.store, args.stream, () => decideAndAppend(args))
}

async function decideAndAppend<S, C, E extends StoredEvent>(
  args: HandleCommandArgs<S, C, E>,
): Promise<HandledCommand<S, E>> {
  const { store, decider, stream, command, signal } = args
  let tried: Tried<E> | undefined
  for (let attempt = 1; ; attempt++) {
    const loaded = await load(args)
    if (tried && hasLanded(tried, loaded)) return landed(tried, loaded)
    const events = decider.decide(loaded.state, command)
    if (events.length === 0) return unchanged(loaded)
    tried = { events, newEvents: newEvents(args, events) }
    if (hasLanded(tried, loaded)) return landed(tried, loaded)
    try {
      const options = signal ? { signal } : {}
      const appended = await store.append(stream, tried.newEvents, loaded.revision, options)
      return { ...appended, events, state: events.reduce(decider.evolve, loaded.state) }
    } catch (error) {
      if (attempt === ATTEMPTS_MAX || !hasCode(error, 'CONCURRENT_MODIFICATION')) throw error
    }
    // Writers that collided once would otherwise go on in step.
    await pause(Math.random() * PAUSE_MAX_MS * attempt, signal)
  }
}

interface Loaded<S> {
  state: S
  revision: ExpectedRevision
  byId: Map<string, { type: string; position: bigint }>
}

interface Tried<E> {
  events: E[]
  newEvents: NewEvent[]
}

async function load<S, C, E extends StoredEvent>(
  args: HandleCommandArgs<S, C, E>,
): Promise<Loaded<S>> {
  const { store, decider, decode, stream, signal } = args
  const byId: Loaded<S>['byId'] = new Map()
  let state = decider.initialState()
  let revision: ExpectedRevision = 'no_stream'
  for await (const stored of store.readStream(stream, signal ? { signal } : {})) {
    byId.set(stored.id, { type: stored.type, position: stored.position })
    revision = stored.revision
    const event = decode(stored)
    if (event) state = decider.evolve(state, event)
  }
  return { state, revision, byId }
}

/** Throws where an id was used for something else: writing it again would make two events of one id. */
function hasLanded<S, E>({ newEvents: tried }: Tried<E>, { byId }: Loaded<S>): boolean {
  const found = tried.filter((event) => byId.has(event.id))
  if (found.length === 0) return false
  if (
    found.length === tried.length &&
    tried.every((event) => byId.get(event.id)?.type === event.type)
  )
    return true
  throw new AppError('EVENT_STORE_REJECTED', 'A command id was used for two different commands', {
    details: { ids: found.map((event) => event.id) },
  })
}

function unchanged<S, E>({ state, revision }: Loaded<S>): HandledCommand<S, E> {
  return { state, revision, events: [], position: undefined }
}

function landed<S, E>(tried: Tried<E>, loaded: Loaded<S>): HandledCommand<S, E> {
  const { state, revision, byId } = loaded
  const last = tried.newEvents.at(-1)
  return { state, revision, events: tried.events, position: last && byId.get(last.id)?.position }
}

function newEvents<S, C, E extends StoredEvent>(
  { context, eventIds }: HandleCommandArgs<S, C, E>,
  events: E[],
): NewEvent[] {
  const ids = eventIds?.(events)
  const metadata: EventMetadata = { ...context, schemaVersion: SCHEMA_VERSION }
  return events.map(({ type, data }, index) => ({
    id: ids?.[index] ?? eventId(context.commandId, index),
    type,
    data,
    metadata,
  }))
}
