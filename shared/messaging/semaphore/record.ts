import { headers, StringCodec } from 'nats'
import { ifPresent, isOutdated } from '../api-errors.ts'
import type { Messaging } from '../messaging.ts'
import { permitStream } from '../topology.ts'

const TIMEOUT_MS = 2_000
const operationHeader = 'KV-Operation'
const expectedHeader = 'Nats-Expected-Last-Subject-Sequence'
const codec = StringCodec()

/** What the bucket holds of one permit; sequence 0: nothing. */
export interface StoredPermit {
  sequence: number
  /** Undefined while it is free. */
  holder: string | undefined
}

export const permitSubject = (group: string, number: number): string =>
  `$KV.PERMITS.${group}.${number}`

/**
 * Writes who holds a permit, or that nobody does, unless another process has written since `expected`. Returns
 * the new sequence; undefined when it was refused. Throws the client's error when the outcome is unknown.
 */
export async function writePermit(
  { connection }: Messaging,
  subject: string,
  { expected, holder }: { expected: number; holder: string | undefined },
): Promise<number | undefined> {
  const named = headers()
  named.set(expectedHeader, String(expected))
  if (holder === undefined) named.set(operationHeader, 'DEL')
  const options = { timeout: TIMEOUT_MS, headers: named, retries: 1 }
  try {
    const jetstream = connection.jetstream({ timeout: TIMEOUT_MS })
    const { seq } = await jetstream.publish(subject, codec.encode(holder ?? ''), options)
    return seq
  } catch (error) {
    if (isOutdated(error)) return undefined
    throw error
  }
}

/** Reads from the bucket's leader. Throws the client's error when it does not answer. */
export async function readPermit(
  { connection }: Messaging,
  subject: string,
): Promise<StoredPermit> {
  const manager = await connection.jetstreamManager({ timeout: TIMEOUT_MS, checkAPI: false })
  const lookUp = manager.streams.getMessage(permitStream, { last_by_subj: subject })
  const stored = await ifPresent(lookUp)
  if (stored === undefined) return { sequence: 0, holder: undefined }
  const holder = isReleased(stored.header) ? undefined : codec.decode(stored.data)
  return { sequence: stored.seq, holder }
}

/** True for the mark of a released permit. */
export function isReleased(header: { get: (name: string) => string } | undefined): boolean {
  return header?.get(operationHeader) === 'DEL'
}
