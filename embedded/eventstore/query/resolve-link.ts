import type { EventLog } from '../log/event-log.ts'
import type { StoredEvent } from '../log/frame.ts'
import { firstVisibleRevision, isYoungEnough } from '../rules/stream-metadata.ts'

const LINK_TYPE = '$>'
const REVISION = /^\s*[+-]?\d+\s*$/

/** An event as it is sent; `event` is missing where a link leads to nothing readable. */
export interface ResolvedEvent {
  event: StoredEvent | undefined
  link: StoredEvent | undefined
}

/** Follows a link (type `$>`, body `revision@stream`) one level; other events, and links to no revision, are themselves. */
export async function resolveLink(log: EventLog, link: StoredEvent): Promise<ResolvedEvent> {
  const [revision = '', ...name] = link.data.toString('utf8').split('@')
  if (link.type !== LINK_TYPE || !REVISION.test(revision)) return { event: link, link: undefined }
  return { event: await visibleEvent(log, name.join('@'), Number(revision)), link }
}

async function visibleEvent(
  log: EventLog,
  stream: string,
  revision: number,
): Promise<StoredEvent | undefined> {
  if (log.index.tombstoned(stream)) return undefined
  const { metadata, events } = log.index.stream(stream)
  const last = events.length - 1
  // As in EventStoreDB, -1 stands for the newest.
  const wanted = revision === -1 ? last : revision
  const number = events.at(wanted)
  if (number === undefined || wanted < firstVisibleRevision(metadata, last)) return undefined
  const [event] = await log.read([number])
  return event && isYoungEnough(metadata, event.createdMs) ? event : undefined
}

/** Whether `resolveLink` has anything to do. */
export function isLink(event: StoredEvent): boolean {
  return event.type === LINK_TYPE
}
