import { eventStreamName } from '#contracts'
import { headerNames } from '#messaging'
import type { JetStreamManager, NatsConnection } from 'nats'

const AT_ONCE = 100

export interface StoredEvent {
  sequence: number
  subject: string
  eventId: string
}

/** Every event in the stream, in the stream's order; notifications are left out. */
export async function storedEvents(connection: NatsConnection): Promise<StoredEvent[]> {
  const manager = await connection.jetstreamManager()
  const { state } = await manager.streams.info(eventStreamName)
  const events: (StoredEvent | undefined)[] = []
  for (let from = state.first_seq; from <= state.last_seq; from += AT_ONCE) {
    const count = Math.min(AT_ONCE, state.last_seq - from + 1)
    const reads = Array.from({ length: count }, (_, i) => storedEvent(manager, from + i))
    events.push(...(await Promise.all(reads)))
  }
  return events.filter((event) => event !== undefined)
}

async function storedEvent(manager: JetStreamManager, sequence: number) {
  try {
    const { subject, header } = await manager.streams.getMessage(eventStreamName, { seq: sequence })
    if (!subject.startsWith('evt.')) return undefined
    return { sequence, subject, eventId: header.get(headerNames.eventId) }
  } catch {
    return undefined
  }
}
