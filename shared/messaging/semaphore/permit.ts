import type { Messaging } from '../messaging.ts'
import { readPlace, writePlace } from './record.ts'

/** A place that this process has; disposing gives it back. Never throws. */
export interface HeldPlace extends AsyncDisposable {
  /** Shows that its holder lives. */
  renew: () => Promise<void>
}

interface Taken {
  subject: string
  holder: string
  sequence: number
  onEnd: () => void
}

/**
 * Keeps a place that was just taken. It is a hint, not a right: whoever has lost it, because it was silent
 * for too long or the bucket was wiped, goes on with its work and does not try to get another.
 */
export function holdPlace(messaging: Messaging, taken: Taken): HeldPlace {
  const { subject, holder } = taken
  let sequence: number | undefined = taken.sequence
  let ended = false
  let writing: Promise<void> | undefined
  const tell = (err: unknown) =>
    messaging.logger.debug({ err, subject }, 'A place could not be written')
  const renewal = async () => {
    if (sequence === undefined) return
    sequence =
      (await writePlace(messaging, subject, { expected: sequence, holder })) ?? (await again())
    if (sequence === undefined) messaging.logger.warn({ subject }, 'A place was lost')
  }
  // An answer that was lost, or a bucket that was made again.
  const again = async () => {
    const stored = await readPlace(messaging, subject)
    if (stored.holder !== undefined && stored.holder !== holder) return undefined
    return writePlace(messaging, subject, { expected: stored.sequence, holder })
  }
  const giveBack = async () => {
    if (sequence === undefined) return
    const expected = sequence
    sequence = undefined
    await writePlace(messaging, subject, { expected, holder: undefined })
  }
  return {
    // One at a time: each names the sequence of the one before.
    renew: async () => {
      if (ended || writing !== undefined) return
      writing = renewal().catch(tell)
      await writing
      writing = undefined
    },
    [Symbol.asyncDispose]: async () => {
      if (ended) return
      ended = true
      taken.onEnd()
      await writing
      await giveBack().catch(tell)
    },
  }
}
