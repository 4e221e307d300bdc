import { setTimeout as wait } from 'node:timers/promises'
import { AppError } from '#domain'
import type { EventStore } from './event-store.ts'

/** An event that something made from the log holds, and where the log held it. */
export interface LogMark {
  position: bigint
  eventId: string
}

/** What was made from the log, and how it is made to follow another. */
const holders = {
  'read models': {
    subject: 'The read models hold',
    remedy: 'make the read models follow this one: npm run rebuild -- --accept',
  },
  JetStream: {
    subject: 'JetStream holds',
    remedy: 'make JetStream follow this one: npm run resync -- --yes',
  },
}

/** A leader that was frozen may still answer for a second after the others have gone on without it. */
const CONFIRM_AFTER_MS = 2_000

/**
 * Checks that the log holds the marked event. It does not when it was restored from an older backup or replaced: throws
 * EVENT_LOG_DIVERGED, for going on would mix two histories. Only what the leader answers is evidence: with an event
 * store that is away, or that denies access, it throws that.
 */
export async function verifyLog(
  store: EventStore,
  { position, eventId }: LogMark,
  holder: keyof typeof holders,
): Promise<void> {
  let found = await store.eventAt(position)
  if (found === undefined) {
    await wait(CONFIRM_AFTER_MS)
    found = await store.eventAt(position)
  }
  if (found?.id === eventId) return
  const { subject, remedy } = holders[holder]
  throw new AppError(
    'EVENT_LOG_DIVERGED',
    `${subject} event ${eventId} at position ${position}, the event log does not: ${CAUSE}. ` +
      `Restore the newer log, or ${remedy}`,
    { details: { position: String(position), eventId, found: found?.id ?? null } },
  )
}

const CAUSE = 'it was restored from an older backup or replaced'

/** A log that gives an event at or below the position it is followed from is another one, or has lost its end. */
export function divergedAt(position: bigint, after: bigint): AppError {
  const message = `The event log was followed from position ${after} and has a new event at ${position}: ${CAUSE}`
  return new AppError('EVENT_LOG_DIVERGED', message, {
    details: { position: String(position), after: String(after) },
  })
}
