import type { ResolvedEvent } from '@eventstore/db-client'
import type { RecordedEvent } from '../event-store.ts'

/** The event as the system knows it; undefined for a link to nothing. */
export function recordedEvent({ event, commitPosition }: ResolvedEvent): RecordedEvent | undefined {
  const position = event?.position?.commit ?? commitPosition
  if (!event || position === undefined) return undefined
  return {
    id: event.id,
    stream: event.streamId,
    revision: event.revision,
    position,
    type: event.type,
    data: event.data,
    metadata: event.metadata,
    recordedAt: event.created.toISOString(),
  }
}

/** Events the event store writes for itself; their types start with `$`. */
export function isSystemEvent(event: { type: string }): boolean {
  return event.type.startsWith('$')
}
