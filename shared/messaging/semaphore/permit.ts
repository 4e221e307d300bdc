import { randomUUID } from 'node:crypto'
import type { Messaging } from '../messaging.ts'
import { readPermit, writePermit } from './record.ts'

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
