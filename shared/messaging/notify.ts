import { headers } from 'nats'
import { notifySubject } from '#contracts'
import { AppError } from '#domain'
import type { Messaging } from './messaging.ts'
import { headerNames } from './work-message.ts'

const PUBLISH_TIMEOUT_MS = 5_000

/** Tells the provisioners that a store may need work; notifications with one `dedupId` within two minutes count once. Throws MESSAGING_UNAVAILABLE. */
export async function notify(
  messaging: Messaging,
  storeId: string,
  dedupId: string,
): Promise<void> {
  const named = headers()
  named.set(headerNames.eventId, dedupId)
  try {
    await messaging.connection
      .jetstream({ timeout: PUBLISH_TIMEOUT_MS })
      .publish(notifySubject(storeId), '', { headers: named, timeout: PUBLISH_TIMEOUT_MS })
  } catch (cause) {
    throw new AppError(
      'MESSAGING_UNAVAILABLE',
      `NATS did not accept the notification for ${storeId}`,
      {
        retryable: true,
        cause,
      },
    )
  }
}
