import { headers, StringCodec } from 'nats'
import { ifPresent, isOutdated } from '../api-errors.ts'
import type { Messaging } from '../messaging.ts'
import { placeStream } from '../topology.ts'

const TIMEOUT_MS = 2_000
const operationHeader = 'KV-Operation'
const expectedHeader = 'Nats-Expected-Last-Subject-Sequence'
const codec = StringCodec()

/** What the bucket holds of one place; sequence 0: nothing. */
export interface StoredPlace {
  sequence: number
  /** Undefined when it is free. */
  holder: string | undefined
}

export const placeSubject = (group: string, number: number): string =>
  `$KV.PLACES.${group}.${number}`

/**
 * Writes who holds a place, or that nobody does, if nobody else has written since `expected`. Returns
 * the new sequence; undefined when it was refused. Throws the client's error when the outcome is unknown.
 */
export async function writePlace(
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
export async function readPlace({ connection }: Messaging, subject: string): Promise<StoredPlace> {
  const manager = await connection.jetstreamManager({ timeout: TIMEOUT_MS, checkAPI: false })
  const lookUp = manager.streams.getMessage(placeStream, { last_by_subj: subject })
  const stored = await ifPresent(lookUp)
  if (stored === undefined) return { sequence: 0, holder: undefined }
  const holder = isGivenBack(stored.header) ? undefined : codec.decode(stored.data)
  return { sequence: stored.seq, holder }
}

/** True for the mark that a place was given back. */
export function isGivenBack(header: { get: (name: string) => string } | undefined): boolean {
  return header?.get(operationHeader) === 'DEL'
}
