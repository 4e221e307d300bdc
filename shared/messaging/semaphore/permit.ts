import { randomUUID } from 'node:crypto'
import { headers, StringCodec } from 'nats'
import { ifPresent, isOutdated } from '../api-errors.ts'
import type { Messaging } from '../messaging.ts'
import { permitStream } from '../topology.ts'

/** A permit that this process holds; disposing releases it. Never throws. */
export interface HeldPermit extends AsyncDisposable {
  /** Shows that its holder is alive. */
  renew: () => Promise<void>
}

interface FreePermit {
  subject: string
  /** The sequence at which it was read as free. */
  expected: number
  onRelease: (permit: HeldPermit) => void
}

/**
 * Acquires a permit that was read as free; undefined when another process was faster. It is a hint, not a right:
 * a holder that loses it, because it was silent for too long or the bucket was wiped, continues its work and does
 * not acquire another. Throws the client's error when the outcome is unknown.
 */
export async function acquirePermit(
  messaging: Messaging,
  { subject, expected, onRelease }: FreePermit,
): Promise<HeldPermit | undefined> {
  const holder = randomUUID()
  let sequence = await writePermit(messaging, subject, { expected, holder })
  if (sequence === undefined) return undefined
  let ended = false
  let writing: Promise<void> | undefined
  const logFailure = (err: unknown) =>
    messaging.logger.debug({ err, subject }, 'A permit could not be written')
  const renewal = async () => {
    if (sequence === undefined) return
    sequence =
      (await writePermit(messaging, subject, { expected: sequence, holder })) ??
      (await acquireAgain())
    if (sequence === undefined) messaging.logger.warn({ subject }, 'A permit was lost')
  }
  // The answer was lost, or the bucket was made again.
  const acquireAgain = async () => {
    const stored = await readPermit(messaging, subject)
    if (stored.holder !== undefined && stored.holder !== holder) return undefined
    return writePermit(messaging, subject, { expected: stored.sequence, holder })
  }
  const release = async () => {
    if (sequence === undefined) return
    const held = sequence
    sequence = undefined
    await writePermit(messaging, subject, { expected: held, holder: undefined })
  }
  const permit: HeldPermit = {
    // One at a time: each write names the sequence of the one before.
    renew: async () => {
      if (ended || writing !== undefined) return
      writing = renewal().catch(logFailure)
      await writing
      writing = undefined
    },
    [Symbol.asyncDispose]: async () => {
      if (ended) return
      ended = true
      onRelease(permit)
      await writing
      await release().catch(logFailure)
    },
  }
  return permit
}

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
