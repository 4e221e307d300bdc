import { setTimeout as wait } from 'node:timers/promises'
import type { ConsumerConfig, JetStreamManager, NatsConnection, StreamConfig } from 'nats'
import { eventStreamName, provisionersConsumer } from '#contracts'
import { AppError, hasCode } from '#domain'
import { ifPresent, isRefused, isTaken, isTooLarge } from './api-errors.ts'
import { explainRefusal } from './explain-refusal.ts'
import type { Messaging } from './messaging.ts'
import {
  defaultTimings,
  eventStreamBytes,
  eventStreamConfig,
  leaseStream,
  leaseStreamConfig,
  permitStream,
  permitStreamConfig,
  provisionersConfig,
  type WorkTimings,
} from './topology.ts'

/** How many replicas streams have at this server: three where it is one of a cluster. */
export const replicasOn = ({ info }: NatsConnection): number =>
  info?.cluster === undefined ? 1 : 3

const API_TIMEOUT_MS = 5_000
const timingsOf = new WeakMap<Messaging, WorkTimings>()

/**
 * Makes or updates the stream, the provisioners' consumer and the buckets of leases and permits; any number of
 * services may do so at once. `timings` given once count for all later calls on this connection;
 * while none are given, those of an existing consumer or bucket stay.
 * Throws CONFIG_INVALID when the configuration of NATS does not allow it, the client's error when JetStream does not
 * answer.
 */
export async function ensureTopology(messaging: Messaging, given?: WorkTimings): Promise<void> {
  if (given !== undefined) timingsOf.set(messaging, given)
  const timings = timingsOf.get(messaging)
  const { connection } = messaging
  const manager = await connection.jetstreamManager({ timeout: API_TIMEOUT_MS, checkAPI: false })
  const replicas = replicasOn(connection)
  try {
    await ensureAll(manager, { timings, replicas })
  } catch (error) {
    throw await explainRefusal(error, manager)
  }
}

interface Wanted {
  timings: WorkTimings | undefined
  replicas: number
}

async function ensureAll(manager: JetStreamManager, { timings, replicas }: Wanted): Promise<void> {
  await ensureEventStream(manager, replicas)
  const keep = (): Kept => (timings === undefined ? ['max_age', 'duplicate_window'] : [])
  for (const bucketConfig of [leaseStreamConfig, permitStreamConfig]) {
    const bucket = { ...bucketConfig(timings ?? defaultTimings), num_replicas: replicas }
    await ensureStream(manager, bucket, keep)
  }
  await ensureConsumer(manager, timings)
}

/** As large as the server has room for; a size that it has stays. */
async function ensureEventStream(manager: JetStreamManager, replicas: number): Promise<void> {
  const smallest = eventStreamBytes.slice(-1)
  // Once more: another service may have made it at the same moment, and has reserved the room.
  const sizes = [...eventStreamBytes, ...smallest]
  for (const [index, max_bytes] of sizes.entries())
    try {
      const wanted = { ...eventStreamConfig(), max_bytes, num_replicas: replicas }
      return await ensureStream(manager, wanted, (existing) =>
        existing.max_bytes > 0 ? ['max_bytes'] : [],
      )
    } catch (error) {
      if (!isTooLarge(error) || index === sizes.length - 1) throw error
    }
}

type NamedStream = Partial<StreamConfig> & { name: string }
type Kept = (keyof StreamConfig)[]

/** What it was created with (`keep`) stays, and the number of replicas, unless there is one and there can be more. */
async function ensureStream(
  manager: JetStreamManager,
  wanted: NamedStream & { num_replicas: number },
  keep: (existing: StreamConfig) => Kept,
): Promise<void> {
  const create = () => manager.streams.add(wanted)
  const existing = await orCreate(() => manager.streams.info(wanted.name), create)
  const changed = changes(existing.config, wanted, [...keep(existing.config), 'num_replicas'])
  if (changed !== undefined) await manager.streams.update(wanted.name, changed)
  const { num_replicas } = wanted
  if (existing.config.num_replicas !== 1 || num_replicas === 1) return
  // Until all servers of a cluster that is being made are there, it refuses; the next service that starts asks again.
  await manager.streams.update(wanted.name, { num_replicas }).catch(ifRefused)
}

async function ensureConsumer(manager: JetStreamManager, timings?: WorkTimings): Promise<void> {
  const wanted = provisionersConfig(timings ?? defaultTimings)
  const info = () => manager.consumers.info(eventStreamName, provisionersConsumer)
  const existing = await orCreate(info, () => manager.consumers.add(eventStreamName, wanted))
  const keep: (keyof ConsumerConfig)[] = timings === undefined ? ['ack_wait'] : []
  const changed = changes(existing.config, wanted, [...keep, 'deliver_policy'])
  if (changed !== undefined)
    await manager.consumers.update(eventStreamName, provisionersConsumer, changed)
}

async function orCreate<T>(read: () => Promise<T>, create: () => Promise<T>): Promise<T> {
  const existing = await ifPresent(read())
  if (existing !== undefined) return existing
  try {
    return await create()
  } catch (error) {
    if (!isTaken(error)) throw error
    return read()
  }
}

function changes<T extends object>(
  existing: T,
  wanted: Partial<T>,
  keep: (keyof T)[],
): Partial<T> | undefined {
  const differing = Object.entries(wanted).filter(([name, value]) => {
    const present: unknown = Reflect.get(existing, name)
    return !keep.some((kept) => kept === name) && JSON.stringify(present) !== JSON.stringify(value)
  })
  if (differing.length === 0) return undefined
  const changed: Partial<T> = {}
  return Object.assign(changed, Object.fromEntries(differing))
}

function ifRefused(error: unknown): void {
  if (!isRefused(error)) throw error
}

/**
 * Resolves when stream, consumer and buckets are there and have leaders: without, a provisioner gets no work.
 * Throws MESSAGING_UNAVAILABLE.
 */
export async function checkTopology({ connection }: Messaging, timeoutMs: number): Promise<void> {
  try {
    const manager = await connection.jetstreamManager({ timeout: timeoutMs, checkAPI: false })
    await Promise.all([
      manager.consumers.info(eventStreamName, provisionersConsumer),
      manager.streams.info(leaseStream),
      manager.streams.info(permitStream),
    ])
  } catch (cause) {
    const message = 'JetStream does not show the stream, consumer and buckets of the provisioners'
    throw new AppError('MESSAGING_UNAVAILABLE', message, { retryable: true, cause })
  }
}

const CHECK_EVERY_MS = 10_000
const checkedAt = new WeakMap<Messaging, number>()

/**
 * Makes the provisioners' consumer again when it is ahead of its stream, as after a stream lost its
 * tail: it would deliver nothing and report no error. Checks at most every 10 s per connection.
 */
export async function repairConsumer(messaging: Messaging): Promise<void> {
  const last = checkedAt.get(messaging)
  if (last !== undefined && performance.now() - last < CHECK_EVERY_MS) return
  checkedAt.set(messaging, performance.now())
  const { connection, logger } = messaging
  const manager = await connection.jetstreamManager({ timeout: API_TIMEOUT_MS, checkAPI: false })
  const consumer = await manager.consumers.info(eventStreamName, provisionersConsumer)
  const stream = await manager.streams.info(eventStreamName)
  const [deliveredSeq, lastSeq] = [consumer.delivered.stream_seq, stream.state.last_seq]
  if (deliveredSeq <= lastSeq) return
  logger.error({ deliveredSeq, lastSeq }, 'The consumer is ahead of its stream; it is made again')
  await manager.consumers.delete(eventStreamName, provisionersConsumer)
  await ensureTopology(messaging)
}

const RETRY_MS = 1_000
// A server that has just joined its cluster may say for a moment that there is no JetStream.
const PATIENCE_MS = 3_000

export interface AwaitTopologyOptions {
  timings?: WorkTimings
  signal: AbortSignal
  /** How long NATS may refuse before this gives up, in milliseconds. */
  patienceMs?: number
}

/**
 * Makes the topology at the start of a service, however long NATS does not answer; false on abort.
 * Throws CONFIG_INVALID when the configuration of NATS does not allow it.
 */
export async function awaitTopology(
  messaging: Messaging,
  { timings, signal, patienceMs = PATIENCE_MS }: AwaitTopologyOptions,
): Promise<boolean> {
  let refusedAt: number | undefined
  while (!signal.aborted) {
    try {
      await ensureTopology(messaging, timings)
      return true
    } catch (err) {
      refusedAt = hasCode(err, 'CONFIG_INVALID') ? (refusedAt ?? performance.now()) : undefined
      if (refusedAt !== undefined && performance.now() - refusedAt >= patienceMs) throw err
      messaging.logger.warn({ err }, 'JetStream is not usable yet')
    }
    await wait(RETRY_MS, undefined, { signal }).catch(() => {})
  }
  return false
}
