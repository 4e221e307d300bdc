import { headers } from 'nats'
import { wakeSubject } from '#contracts'
import { AppError } from '#domain'
import type { Messaging } from './messaging.ts'
import { headerNames } from './work-message.ts'

const PUBLISH_TIMEOUT_MS = 5_000

/** Asks the provisioners to look at a store again; calls with one `dedupId` within two minutes count once. Throws MESSAGING_UNAVAILABLE. */
export async function wake(messaging: Messaging, storeId: string, dedupId: string): Promise<void> {
  const named = headers()
  named.set(headerNames.eventId, dedupId)
  try {
    await messaging.connection
      .jetstream({ timeout: PUBLISH_TIMEOUT_MS })
      .publish(wakeSubject(storeId), '', { headers: named, timeout: PUBLISH_TIMEOUT_MS })
  } catch (cause) {
    throw new AppError('MESSAGING_UNAVAILABLE', `The wake call for ${storeId} was not taken`, {
      retryable: true,
      cause,
    })
  }
}
