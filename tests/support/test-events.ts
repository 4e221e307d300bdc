import { openEventStore, type EventStore } from '#eventstore'
import { storeStream } from '#domain'
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'

const metadata = {
  correlationId: 'trace-123',
  actor: 'user:demo',
  tenantId: 'demo',
  schemaVersion: 1,
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  commandId: 'c1',
}

/** A client of a test's event store, closed at the end of the test. */
export function testLog(connectionString: string): EventStore & AsyncDisposable {
  const store = openEventStore({ connectionString, timeoutMs: 20_000 })
  // The client library may wait for ever for a read that has already ended.
  const close = () => Promise.race([store.close(), wait(500, undefined, { ref: false })])
  return { ...store, [Symbol.asyncDispose]: close }
}

/** Appends events of these types to a store's stream, in one append; the first one expects no stream. */
export async function appendTo(
  store: EventStore,
  storeId: string,
  types: string[],
  after?: bigint,
  more: Record<string, string> = {},
): Promise<string[]> {
  const data = { storeId, ...more }
  const events = types.map((type) => ({ id: randomUUID(), type, data, metadata }))
  await store.append(storeStream(storeId), events, after ?? 'no_stream')
  return events.map(({ id }) => id)
}
