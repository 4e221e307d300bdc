import { storeStream } from '#domain'
import { eventId, type EventStore } from '#eventstore'
import type { LogEntry } from './recorded-log.ts'

/** Appends entries to the streams of their stores: in order within a stream, at once across streams. Goes on behind what `revisions` says. */
export async function appendHistory(
  store: EventStore,
  entries: LogEntry[],
  revisions = new Map<string, bigint>(),
): Promise<void> {
  const tails = new Map<string, Promise<unknown>>()
  for (const { storeId, type, data } of entries) {
    const stream = storeStream(storeId)
    const last = revisions.get(stream)
    const expected = last ?? 'no_stream'
    const revision = (last ?? -1n) + 1n
    revisions.set(stream, revision)
    const commandId = `${storeId} ${revision}`
    const metadata = {
      correlationId: 'test',
      actor: 'user:test',
      tenantId: 'test',
      schemaVersion: 1,
      commandId,
    }
    const event = { id: eventId(commandId, 0), type, data, metadata }
    const tail = tails.get(stream) ?? Promise.resolve()
    tails.set(
      stream,
      tail.then(() => store.append(stream, [event], expected)),
    )
  }
  await Promise.all(tails.values())
}
