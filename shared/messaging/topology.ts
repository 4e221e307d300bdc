import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  nanos,
  ReplayPolicy,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from 'nats'
import { eventStreamName, provisionersConsumer, workSubjects } from '#contracts'

const DAY_MS = 24 * 60 * 60 * 1_000

/** The JetStream stream behind the bucket of claim leases. */
export const leaseStream = 'KV_LEASES'
export const leaseSubjects = '$KV.LEASES.>'

/** The JetStream stream behind the bucket of permits. */
export const permitStream = 'KV_PERMITS'
export const permitSubjects = '$KV.PERMITS.>'

/** What each bucket reserves: a server with too little memory refuses to make it, instead of failing under load. */
export const bucketBytes = 16 * 1_048_576

/**
 * What the stream of events may hold at most, the largest first: what the server has no room for is halved. Its oldest
 * messages make room. They are hints: the sweep finds a store whose message was dropped before anybody took it.
 */
export const eventStreamBytes = [512, 256, 128, 64, 32, 16, 8].map((each) => each * 1_048_576)

const ACK_WAIT_PER_LEASE = 1.25

/** How long a silent worker keeps its message and its lease. */
export interface WorkTimings {
  ackWaitMs: number
  leaseTtlMs: number
}

/** The times that belong to a lease of this length: a message outlives its worker's lease. */
export function workTimings(leaseTtlMs: number): WorkTimings {
  return { leaseTtlMs, ackWaitMs: Math.round(leaseTtlMs * ACK_WAIT_PER_LEASE) }
}

export const defaultTimings: WorkTimings = workTimings(12_000)

/**
 * The stream of events. Limits retention: a work queue forgets the ids of what it delivered. One
 * message a subject: an event has a subject of its own, and of several notifications the last is enough.
 */
export function eventStreamConfig() {
  return {
    name: eventStreamName,
    description: 'Events of all stores, one message each, and notifications to the provisioners',
    subjects: ['evt.>', 'notify.*'],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_msgs_per_subject: 1,
    max_age: nanos(30 * DAY_MS),
    duplicate_window: nanos(120_000),
  } satisfies Partial<StreamConfig>
}

/** The queue group of all provisioners. No limit on deliveries: the store's own log decides what is poison. */
export function provisionersConfig(timings: WorkTimings) {
  return {
    durable_name: provisionersConsumer,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(timings.ackWaitMs),
    deliver_policy: DeliverPolicy.All,
    replay_policy: ReplayPolicy.Instant,
    filter_subjects: workSubjects,
    // What waits for its next attempt counts as pending and must not hold up new stores.
    max_ack_pending: -1,
    max_waiting: 4_096,
  } satisfies Partial<ConsumerConfig>
}

export function leaseStreamConfig(timings: WorkTimings) {
  return {
    name: leaseStream,
    description: 'Signs of life of the claims on stores, by store and claim',
    subjects: [leaseSubjects],
    ...bucket(timings),
  } satisfies Partial<StreamConfig>
}

/** Who holds the permits that all provisioners share; a value expires with its holder. */
export function permitStreamConfig(timings: WorkTimings) {
  return {
    name: permitStream,
    description: 'Permits of all provisioners together, by group and number',
    subjects: [permitSubjects],
    ...bucket(timings),
  } satisfies Partial<StreamConfig>
}

/** A key-value bucket. In memory: a full disk must not end running work. */
function bucket(timings: WorkTimings) {
  return {
    retention: RetentionPolicy.Limits,
    storage: StorageType.Memory,
    discard: DiscardPolicy.New,
    max_msgs_per_subject: 1,
    max_bytes: bucketBytes,
    max_age: nanos(timings.leaseTtlMs),
    duplicate_window: nanos(timings.leaseTtlMs),
    deny_delete: true,
    allow_rollup_hdrs: true,
    allow_direct: false,
  } satisfies Partial<StreamConfig>
}
