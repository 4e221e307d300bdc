import { eventStreamName } from '#contracts'
import { headerNames, ifPresent, type Messaging } from '#messaging'
import type { StoredMessage } from '../publish/open-window.ts'

const API_TIMEOUT_MS = 5_000

/** Whether the stream still holds this event under its sequence number. Throws when JetStream does not answer. */
export async function isInStream(
  { connection }: Messaging,
  { eventId, sequence }: StoredMessage,
): Promise<boolean> {
  const manager = await connection.jetstreamManager({ timeout: API_TIMEOUT_MS, checkAPI: false })
  const lookUp = manager.streams.getMessage(eventStreamName, { seq: sequence })
  const message = await ifPresent(lookUp)
  return message?.header.get(headerNames.eventId) === eventId
}
