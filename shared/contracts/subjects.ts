import type { StoreEvent } from '#domain'

/** The JetStream stream that carries the log, one message per event. */
export const eventStreamName = 'STORE_EVENTS'

/** The durable consumer all provisioners share: the queue group. */
export const provisionersConsumer = 'provisioners'

/** The subject of one event: `evt.<storeId>.<revision>.<type>`; no two events share one. */
export function eventSubject(storeId: string, revision: bigint, type: string): string {
  return `evt.${storeId}.${revision}.${type}`
}

/** The subject that asks provisioners to look at a store again: `notify.<storeId>`. */
export const notifySubject = (storeId: string): string => `notify.${storeId}`

/** The types of the events that request work. */
export const requestEventTypes: readonly string[] = [
  'StoreRequested',
  'RetryRequested',
  'UpgradeRequested',
  'CancelRequested',
  'DeletionRequested',
] satisfies StoreEvent['type'][]

/** What a provisioner listens to: events that request work, and notifications. */
export const workSubjects = [...requestEventTypes.map((type) => `evt.*.*.${type}`), 'notify.*']

/** The store id in an event's or a notification's subject; undefined for a foreign subject. */
export function storeIdOfSubject(subject: string): string | undefined {
  const [kind, storeId] = subject.split('.')
  return kind === 'evt' || kind === 'notify' ? storeId : undefined
}
