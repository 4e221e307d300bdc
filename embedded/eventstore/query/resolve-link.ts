import type { EventLog } from '../log/event-log.ts'
import type { StoredEvent } from '../log/frame.ts'
import { firstVisibleRevision, isSoftDeleted } from '../rules/stream-metadata.ts'

const LINK_TYPE = '$>'

/** An event as it is sent; `event` is missing where a link leads to nothing readable. */
export interface ResolvedEvent {
  event: StoredEvent | undefined
  link: StoredEvent | undefined
}

/** Follows a link (type `$>`, body `revision@stream`) one level; other events are themselves. */
export async function resolveLink(log: EventLog, event: StoredEvent): Promise<ResolvedEvent> {
  if (event.type !== LINK_TYPE) return { event, link: undefined }
  const [revision = '', ...name] = event.data.toString('utf8').split('@')
  const entry = log.index.stream(name.join('@'))
  const target = Number(revision)
  if (!entry || entry.tombstoned || isSoftDeleted(entry.metadata)) return unresolved(event)
  if (target < firstVisibleRevision(entry.metadata, entry.events.length - 1))
    return unresolved(event)
  const number = entry.events[target]
  if (number === undefined) return unresolved(event)
  const [resolved] = await log.read([number])
  return { event: resolved, link: event }
}

function unresolved(link: StoredEvent): ResolvedEvent {
  return { event: undefined, link }
}
