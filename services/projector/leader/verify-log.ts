import { AppError, hasCode } from '#domain'
import type { EventStore, RecordedEvent } from '#eventstore'
import type { Checkpoint } from '#postgres'

/**
 * Checks that the log still holds the event the read models were last brought up to. It does not when it was
 * restored from an older backup or replaced: throws EVENT_LOG_DIVERGED, for going on would mix two histories.
 */
export async function verifyLog(
  store: EventStore,
  checkpoint: Pick<Checkpoint, 'position' | 'eventId'>,
): Promise<void> {
  const { position, eventId } = checkpoint
  const event = await eventAt(store, position)
  if (event?.id === eventId) return
  throw new AppError(
    'EVENT_LOG_DIVERGED',
    `The read models hold event ${eventId} at position ${position}, the event log does not: it was restored from an older backup or replaced. ` +
      'Restore the newer log, or make the read models follow this one: npm run rebuild -- --accept',
    { details: { position: String(position), eventId, found: event?.id ?? null } },
  )
}

// A server may refuse a position at which no event begins.
async function eventAt(store: EventStore, position: bigint): Promise<RecordedEvent | undefined> {
  try {
    return await store.eventAt(position)
  } catch (error) {
    if (hasCode(error, 'EVENT_STORE_REJECTED')) return undefined
    throw error
  }
}
