import type { RecordedEvent } from '#eventstore'

/** Each event as one line of JSON, with all that the log holds of it. */
export async function* ndjsonOf(
  events: AsyncIterable<RecordedEvent> | Iterable<RecordedEvent>,
): AsyncGenerator<string> {
  for await (const event of events) {
    const { id, stream, revision, position, type, recordedAt, data, metadata } = event
    const where = { stream, revision: Number(revision), position: String(position) }
    yield JSON.stringify({ ...where, id, type, time: recordedAt, data, metadata })
  }
}
