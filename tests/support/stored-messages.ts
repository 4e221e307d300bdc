import { eventStreamName } from '#contracts'
import { headerNames } from '#messaging'
import { DeliverPolicy, type NatsConnection } from 'nats'

export interface StoredEvent {
  sequence: number
  subject: string
  eventId: string
}

/** Every event in the stream, in the stream's order. */
export async function storedEvents(connection: NatsConnection): Promise<StoredEvent[]> {
  const consumer = await connection.jetstream().consumers.get(eventStreamName, {
    filterSubjects: 'evt.>',
    deliver_policy: DeliverPolicy.All,
  })
  const { num_pending: count } = await consumer.info()
  if (count === 0) return []
  const events: StoredEvent[] = []
  for await (const { seq, subject, headers } of await consumer.fetch({ max_messages: count })) {
    events.push({ sequence: seq, subject, eventId: headers?.get(headerNames.eventId) ?? '' })
    if (events.length === count) break
  }
  return events
}
