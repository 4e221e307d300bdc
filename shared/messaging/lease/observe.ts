import type { Messaging } from '../messaging.ts'
import { leaseSubjects } from '../topology.ts'
import { isRelease } from './record.ts'

/** When each lease was last heard of, in monotonic time of this process. */
export interface HeardRenewals {
  withinMs: (subject: string, limitMs: number) => boolean
  /** Whether a subject that begins like this was heard of within the time. */
  anyWithinMs: (prefix: string, limitMs: number) => boolean
  /** For how long without a gap everything that was sent has been heard. */
  listeningForMs: () => number
  close: () => void
}

/** Listens to all renewals, and forgets a lease that was not renewed for `keepMs`. */
export function hearRenewals(messaging: Messaging, keepMs: number): HeardRenewals {
  const heardAt = new Map<string, number>()
  const openedAt = performance.now()
  let prunedAt = openedAt
  const subscription = messaging.connection.subscribe(leaseSubjects, {
    callback: (error, message) => {
      if (error !== null) return
      const now = performance.now()
      heardAt.delete(message.subject)
      if (!isRelease(message.headers)) heardAt.set(message.subject, now)
      if (now - prunedAt > keepMs) prunedAt = prune(heardAt, now, keepMs)
    },
  })
  return {
    withinMs: (subject, limitMs) => {
      const at = heardAt.get(subject)
      return at !== undefined && performance.now() - at < limitMs
    },
    anyWithinMs: (prefix, limitMs) => {
      const since = performance.now() - limitMs
      return [...heardAt].some(([subject, at]) => at > since && subject.startsWith(prefix))
    },
    listeningForMs: () => Math.min(messaging.connectedForMs(), performance.now() - openedAt),
    close: () => {
      if (!subscription.isClosed()) subscription.unsubscribe()
    },
  }
}

// Oldest first: a renewal moves its lease to the end.
function prune(heardAt: Map<string, number>, now: number, keepMs: number): number {
  for (const [subject, at] of heardAt) {
    if (now - at < keepMs) break
    heardAt.delete(subject)
  }
  return now
}
