import type { WarningEvidence } from '../evidence.ts'
import type { Event } from './api-objects.ts'

/** Events in the order in which they were last seen. */
export function newestFirst(events: Event[]): Event[] {
  return events.toSorted((a, b) => seenAt(b).localeCompare(seenAt(a)))
}

export function warningEvidence({ involvedObject, reason, message }: Event): WarningEvidence {
  return { ...involvedObject, reason, message }
}

// Which field holds the time depends on the component that wrote it; all are ISO 8601.
function seenAt({ series, lastTimestamp, eventTime, metadata }: Event): string {
  return series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp
}
