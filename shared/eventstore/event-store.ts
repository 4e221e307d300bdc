import { v5 } from 'uuid'
import type { EventMetadata } from '#domain'

/** The stream's last revision as the writer read it, or that the stream must not exist yet. */
export type ExpectedRevision = bigint | 'no_stream'

export interface NewEvent {
  /** A UUID derived from what caused the event: an append sent again must carry the same ids. */
  id: string
  type: string
  data: unknown
  metadata: EventMetadata
}

export interface RecordedEvent {
  id: string
  stream: string
  revision: bigint
  /** Place in the whole log: strictly increasing, with gaps. */
  position: bigint
  type: string
  data: unknown
  metadata: unknown
  /** ISO 8601, by the event store's clock. */
  recordedAt: string
}

export interface Appended {
  /** Of the append's last event. */
  revision: bigint
  /** Of the append's last event; undefined where a repeated append's event can no longer be read. */
  position: bigint | undefined
}

export interface AppendOptions {
  signal?: AbortSignal
}

export interface ReadStreamOptions {
  /** First revision, included; the stream's beginning unless given. */
  from?: bigint
  maxCount?: number
  signal?: AbortSignal
}

export interface ReadAllOptions {
  /** Position to start behind; the beginning unless given. */
  after?: bigint
  signal?: AbortSignal
}

export interface SubscribeToAllOptions {
  /** Position to start behind; the beginning unless given. */
  after?: bigint
  /** Only events of streams whose names begin so. */
  streamPrefix?: string
  /** Only events whose types begin so; not together with the other. */
  typePrefix?: string
  /** Called each time the event store no longer sends, until it has sent `caughtUp` again. */
  onLost?: () => void
  signal: AbortSignal
}

/** What a subscriber is sent, in order: a checkpoint covers everything before it, events or not. */
export type SubscriptionItem = RecordedEvent | { caughtUp: true } | { checkpoint: bigint }

/** The log of everything that happened. Every failure is an AppError. */
export interface EventStore {
  /** Appends all events or none, once, however often the answer is lost. CONCURRENT_MODIFICATION when the stream moved on. */
  append: (
    stream: string,
    events: NewEvent[],
    expected: ExpectedRevision,
    options?: AppendOptions,
  ) => Promise<Appended>
  /** Yields nothing for a stream that does not exist. */
  readStream: (stream: string, options?: ReadStreamOptions) => AsyncIterable<RecordedEvent>
  /** Reads the log up to where it ended at the call, without system events. */
  readAll: (options?: ReadAllOptions) => AsyncIterable<RecordedEvent>
  /** Follows the log without system events, reopening on every failure; ends only on abort, or with EVENT_LOG_DIVERGED. */
  subscribeToAll: (options: SubscribeToAllOptions) => AsyncIterable<SubscriptionItem>
  /** The newest event that is not a system event; undefined for an empty log. */
  head: () => Promise<{ position: bigint; id: string } | undefined>
  /** The event at exactly this position, as the leader has it. */
  eventAt: (position: bigint) => Promise<RecordedEvent | undefined>
  /** Resolves when the event store answers a read in time. */
  ping: (timeoutMs: number) => Promise<void>
  /** Resolves when the event store answers an append in time; nothing is written. */
  pingAppends: (timeoutMs: number) => Promise<void>
  close: () => Promise<void>
}

/** Never changed: other namespaces would give other ids to events that are stored already. */
const EVENT_NAMESPACE = '6f1e3b5c-64c4-4f0f-9d2b-6f2f0c6f7f11'
const STORE_NAMESPACE = 'b0a2c1b7-2c35-4b06-8a3f-2f0e35b7a3d4'

/** The id of a command's event number `index`: the same command gives the same ids. */
export function eventId(commandId: string, index: number): string {
  return v5(`${commandId}\0${index}`, EVENT_NAMESPACE)
}

/** The id of the store that belongs to a tenant's idempotency key. */
export function storeIdOf(tenantId: string, idempotencyKey: string): string {
  return v5(`${tenantId}\0${idempotencyKey}`, STORE_NAMESPACE)
}
