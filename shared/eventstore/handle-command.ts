import { inTurn, pause } from '#async'
import { type Decider, type EventMetadata, hasCode } from '#domain'
import {
  eventId,
  type EventStore,
  type ExpectedRevision,
  type NewEvent,
  type RecordedEvent,
} from './event-store.ts'

interface HandleCommandArgs<S, C, E extends StoredEvent>
  extends AggregateStream<S, C, E>, CommandRequest<S, C> {
  /**
   * What the caller has folded of the stream before it sent this command for the first time. It spares the read: only
   * a refusal, an outcome without events and a conflict read the stream, from its beginning.
   */
  known?: Folded<S> | undefined
  /** Called before each try to append events; throws to refuse them. */
  admit?: (() => Promise<void>) | undefined
}

/**
 * Loads a stream, decides, appends; decides again when another writer was first. An append that landed without its
 * answer is found by its command id before anything is decided, and is a success.
 */
export function handleCommand<S, C, E extends StoredEvent>(
  args: HandleCommandArgs<S, C, E>,
): Promise<HandledCommand<S, E>> {
  const { known, admit, signal } = args
  return inTurn(args.store, args.stream, async () => {
    const options = { known, readsTail: false, admit, signal }
    const { outcomes } = await decideAndAppend(args, [args], options)
    const [outcome] = outcomes
    if (outcome === undefined) throw new Error('A command had no outcome')
    if ('error' in outcome) throw outcome.error
    return outcome
  })
}

const GIVE_UP_AFTER_MS = 10_000
const PAUSE_STEP_MS = 20
const PAUSE_STEPS_MAX = 10
const SCHEMA_VERSION = 1

/** Who sent a command, on whose behalf and in answer to what. */
export interface CommandContext {
  /** The same command must carry the same one, in whatever process: its events are found by it, and their ids come from it. */
  commandId: string
  /** Tells requests for one command apart, so that of several at one time only one appends its events. */
  requestId?: string
  correlationId: string
  causationId?: string
  actor: string
  actorName?: string
  asOperator?: true
  address?: string
  reason?: string
  tenantId: string
  traceparent?: string
}

export interface StoredEvent {
  type: string
  data: unknown
}

/** A stream and the rules it is written by. */
export interface AggregateStream<S, C, E extends StoredEvent> {
  store: EventStore
  decider: Decider<S, C, E>
  /** Parses a stored event; undefined for one the decider does not know, which is left out. */
  decode: (event: RecordedEvent) => E | undefined
  stream: string
}

/** A stream folded up to a revision. */
export interface Folded<S> {
  state: S
  revision: ExpectedRevision
  /** Position in the whole log of the stream's last event. */
  position?: bigint | undefined
  /** When the stream's last event was stored; undefined when it was appended by this process just now. */
  recordedAt?: string | undefined
}

export interface CommandRequest<S, C> {
  command: C
  context: CommandContext
  /** Throws when the stream must not get the command, such as at another revision than expected. */
  precondition?: ((folded: Folded<S>) => void) | undefined
  /** Once it has aborted nobody waits for the command: it is not decided any more, nor again. */
  signal?: AbortSignal | undefined
}

/** The stream after a command, and the events it caused: none when others had caused what it asks for. */
export interface HandledCommand<S, E> extends Folded<S> {
  events: E[]
  /** Whether they were appended now; else the command had already happened. */
  isNew: boolean
}

type Decided<E> = { events: E[]; isNew: boolean } | { error: unknown }
type Outcome<S, E> = HandledCommand<S, E> | { error: unknown }

interface Options<S> {
  /** Decided on without a read, as long as that leads to an append, which then proves that it was up to date. */
  known: Folded<S> | undefined
  /** Reads behind what was folded before; else the whole stream, where an earlier try of the command may have landed. */
  readsTail: boolean
  admit?: (() => Promise<void>) | undefined
  signal?: AbortSignal | undefined
}

/**
 * Decides commands one after the other on one state and appends all their events at once; reads and decides again
 * when another writer was first. A command whose events are found in the stream has happened and is not decided.
 * Throws what the event store throws, and CONCURRENT_MODIFICATION when other writers were first for 10 s.
 */
export async function decideAndAppend<S, C, E extends StoredEvent>(
  aggregate: AggregateStream<S, C, E>,
  requests: CommandRequest<S, C>[],
  { known, readsTail, admit, signal }: Options<S>,
): Promise<{ folded: Folded<S>; outcomes: Outcome<S, E>[] }> {
  const giveUpAt = performance.now() + GIVE_UP_AFTER_MS
  const landed = landedEvents<E>(requests)
  let isFresh = known === undefined
  let folded = known ?? (await read(aggregate, { landed, signal }))
  for (let attempt = 1; ; attempt++) {
    const { state, decided } = decideInTurn(aggregate.decider, folded, { requests, landed })
    const newEvents = decided.flatMap((one, index) => newEventsOf(one, requests[index]))
    if (newEvents.length > 0) await admit?.()
    if (newEvents.length > 0)
      try {
        const options = signal ? { signal } : {}
        const { stream, store } = aggregate
        const appended = await store.append(stream, newEvents, folded.revision, options)
        return settled({ state, ...appended }, decided)
      } catch (error) {
        const isLost = hasCode(error, 'CONCURRENT_MODIFICATION')
        if (!isLost || performance.now() >= giveUpAt) throw error
        // Writers that collided once would otherwise go on in step.
        const steps = Math.min(attempt, PAUSE_STEPS_MAX)
        await pause(Math.random() * PAUSE_STEP_MS * steps, signal)
      }
    else if (isFresh) return settled(folded, decided)
    folded = await read(aggregate, { after: readsTail ? folded : undefined, landed, signal })
    isFresh = true
  }
}

function decideInTurn<S, C, E extends StoredEvent>(
  decider: Decider<S, C, E>,
  folded: Folded<S>,
  { requests, landed }: { requests: CommandRequest<S, C>[]; landed: LandedEvents<E> },
): { state: S; decided: Decided<E>[] } {
  let state = decider.copy?.(folded.state) ?? folded.state
  const decided = requests.map(({ command, context, precondition, signal }): Decided<E> => {
    const earlier = landed.of(context.commandId)
    if (earlier.length > 0) return { events: earlier, isNew: false }
    try {
      signal?.throwIfAborted()
      precondition?.({ ...folded, state })
      const events = decider.decide(state, command)
      state = events.reduce(decider.evolve, state)
      return { events, isNew: true }
    } catch (error) {
      return { error }
    }
  })
  return { state, decided }
}

function newEventsOf<S, C, E extends StoredEvent>(
  decided: Decided<E>,
  request: CommandRequest<S, C> | undefined,
): NewEvent[] {
  if ('error' in decided || !decided.isNew || request === undefined) return []
  const { requestId, ...context } = request.context
  const metadata: EventMetadata = { ...context, schemaVersion: SCHEMA_VERSION }
  const source = requestId === undefined ? context.commandId : `${context.commandId}\0${requestId}`
  return decided.events.map(({ type, data }, index) => ({
    id: eventId(source, index),
    type,
    data,
    metadata,
  }))
}

function settled<S, E>(folded: Folded<S>, decided: Decided<E>[]) {
  const outcomes = decided.map((one): Outcome<S, E> =>
    'error' in one
      ? one
      : { ...folded, events: one.events, isNew: one.isNew && one.events.length > 0 },
  )
  return { folded, outcomes }
}

/** A stream as it is now. Throws what the event store throws, and EVENT_UNREADABLE. */
export const foldStream = <S, C, E extends StoredEvent>(
  aggregate: AggregateStream<S, C, E>,
): Promise<Folded<S>> => read(aggregate, { landed: landedEvents<E>([]), signal: undefined })

interface ReadOptions<S, E> {
  after?: Folded<S> | undefined
  landed: LandedEvents<E>
  signal: AbortSignal | undefined
}

async function read<S, C, E extends StoredEvent>(
  { store, decider, decode, stream }: AggregateStream<S, C, E>,
  { after, landed, signal }: ReadOptions<S, E>,
): Promise<Folded<S>> {
  const start = after ?? { state: decider.initialState(), revision: 'no_stream' }
  const folded = { ...start, state: decider.copy?.(start.state) ?? start.state }
  const from = folded.revision === 'no_stream' ? 0n : folded.revision + 1n
  for await (const stored of store.readStream(stream, { from, ...(signal && { signal }) })) {
    const { revision, position, recordedAt } = stored
    Object.assign(folded, { revision, position, recordedAt } satisfies Partial<Folded<S>>)
    const event = decode(stored)
    if (event === undefined) continue
    landed.observe(stored.metadata, event)
    folded.state = decider.evolve(folded.state, event)
  }
  return folded
}

type LandedEvents<E> = ReturnType<typeof landedEvents<E>>

/** Finds events of these commands that are in the stream already. */
function landedEvents<E>(requests: { context: CommandContext }[]) {
  const found = new Map<string, E[]>()
  const sought = new Set(requests.map(({ context: { commandId } }) => commandId))
  return {
    observe: (metadata: unknown, event: E) => {
      const { commandId }: { commandId?: unknown } = Object(metadata)
      if (typeof commandId !== 'string' || !sought.has(commandId)) return
      found.set(commandId, [...(found.get(commandId) ?? []), event])
    },
    of: (commandId: string): E[] => found.get(commandId) ?? [],
  }
}
