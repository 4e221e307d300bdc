import { eventStreamName } from '#contracts'
import { type EventStore, verifyLog } from '#eventstore'
import { headerNames, ifPresent, type Messaging } from '#messaging'
import type { StoredMessage } from './publish-window.ts'

const API_TIMEOUT_MS = 5_000
const positionFormat = /^\d{1,20}$/

interface ResumePoint {
  /** Every event up to this position of the log is in the stream; undefined: publish from the start. */
  completeTo: bigint | undefined
  last: StoredMessage | undefined
}

/**
 * Where to go on, read from the last event in the stream itself. Throws EVENT_LOG_DIVERGED when the
 * log does not hold that event, and the client's error when JetStream does not answer.
 */
export async function resumePoint(messaging: Messaging, store: EventStore): Promise<ResumePoint> {
  const manager = await messaging.connection.jetstreamManager({
    timeout: API_TIMEOUT_MS,
    checkAPI: false,
  })
  const lookUp = manager.streams.getMessage(eventStreamName, { last_by_subj: 'evt.>' })
  const message = await ifPresent(lookUp)
  if (message === undefined) return { completeTo: undefined, last: undefined }
  const eventId = message.header.get(headerNames.eventId)
  const position = positionOf(message.header.get(headerNames.position))
  if (position === undefined) {
    const { subject, seq } = message
    messaging.logger.warn({ subject, seq }, 'The last event in the stream is not the relay’s own')
    return { completeTo: undefined, last: undefined }
  }
  const last = { eventId, position, sequence: message.seq }
  await verifyLog(store, last, 'JetStream')
  return { completeTo: positionOf(message.header.get(headerNames.completeTo)), last }
}

function positionOf(text: string): bigint | undefined {
  return positionFormat.test(text) ? BigInt(text) : undefined
}

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
