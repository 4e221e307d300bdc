import { AppError } from '#domain'
import type { EventStore } from '#eventstore'
import type { StoredMessage } from './publish-window.ts'

/**
 * Checks that the log still holds an event that was published. It does not when it was restored from
 * an older backup or replaced: throws EVENT_LOG_DIVERGED, for going on would mix two histories.
 */
export async function verifyLog(store: EventStore, published: StoredMessage): Promise<void> {
  const { position, eventId } = published
  const event = await store.eventAt(position)
  if (event?.id === eventId) return
  throw new AppError(
    'EVENT_LOG_DIVERGED',
    `JetStream holds event ${eventId} of position ${position}, the event log does not: it was restored from an older backup or replaced. ` +
      'Restore the newer log, or make JetStream follow this one: npm run resync',
    { details: { position: String(position), eventId, found: event?.id ?? null } },
  )
}
