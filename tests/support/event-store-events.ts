import { randomUUID } from 'node:crypto'
import type {
  EventStore,
  NewEvent,
  RecordedEvent,
  SubscriptionItem,
} from '../../shared/eventstore/event-store.ts'

/** That many new events, for tests. */
export function newEvents(count = 1, type = 'Happened'): NewEvent[] {
  return Array.from({ length: count }, (_, n) => ({
    id: randomUUID(),
    type,
    data: { n },
    metadata: {
      commandId: randomUUID(),
      correlationId: 'trace-123',
      actor: 'user:tester',
      tenantId: 'demo',
      schemaVersion: 1,
    },
  }))
}

/** A stream nobody else uses. */
export function newStream(): string {
  return `store-${randomUUID()}`
}

/** All that a read yields. */
export async function collect(read: AsyncIterable<RecordedEvent>): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for await (const event of read) events.push(event)
  return events
}

/** Follows the log in the background; `items` grows until it is disposed of. */
export function follow(store: EventStore, after?: bigint) {
  const controller = new AbortController()
  const items: SubscriptionItem[] = []
  const ended = (async () => {
    const { signal } = controller
    for await (const item of store.subscribeToAll({
      signal,
      ...(after !== undefined && { after }),
    }))
      items.push(item)
  })()
  return {
    items,
    ids: () => items.flatMap((item) => ('id' in item ? [item.id] : [])),
    caughtUp: () => items.some((item) => 'caughtUp' in item),
    [Symbol.asyncDispose]: async () => {
      controller.abort()
      await ended
    },
  }
}

/** The event store, and how often it was read and appended to. */
export function countingCalls(store: EventStore) {
  const calls = { reads: 0, appends: 0 }
  const counted: EventStore = {
    ...store,
    append: (...args) => {
      calls.appends++
      return store.append(...args)
    },
    readStream: (...args) => {
      calls.reads++
      return store.readStream(...args)
    },
  }
  return { store: counted, calls }
}
