import { eventStreamName } from '#contracts'
import type { Msg } from 'nats'
import type { Messaging } from '../connection/messaging.ts'
import { ifPresent } from '../topology/api-errors.ts'
import { headerNames } from './header-names.ts'

const API_TIMEOUT_MS = 2_000

/** Whether the stream still holds this very message at this sequence. Throws when NATS does not answer. */
export async function isStillStored(
  { connection }: Messaging,
  sequence: number,
  message: Msg,
): Promise<boolean> {
  const manager = await connection.jetstreamManager({ timeout: API_TIMEOUT_MS, checkAPI: false })
  const lookUp = manager.streams.getMessage(eventStreamName, { seq: sequence })
  const stored = await ifPresent(lookUp)
  if (stored === undefined) return false
  const eventId = message.headers?.get(headerNames.eventId) ?? ''
  return stored.subject === message.subject && stored.header.get(headerNames.eventId) === eventId
}
