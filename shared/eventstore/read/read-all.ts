import { BACKWARDS, END, START, type EventStoreDBClient } from '@eventstore/db-client'
import { AppError } from '#domain'
import type { ReadAllOptions, RecordedEvent } from '../event-store.ts'
import { readEvents } from './read-events.ts'
import { isSystemEvent } from './recorded-event.ts'

const BACKWARDS_PAGES = [1, 64, 1024]

interface Source {
  client: EventStoreDBClient
  timeoutMs: number
}

/** The log behind `after` without system events; the limit counts what is yielded. */
export async function* readAll(
  { client, timeoutMs }: Source,
  { after, maxCount = Number.MAX_SAFE_INTEGER, signal }: ReadAllOptions,
): AsyncGenerator<RecordedEvent> {
  if (maxCount < 1) return
  const fromPosition = after === undefined ? START : { commit: after, prepare: after }
  let yielded = 0
  const open = () => client.readAll({ fromPosition })
  for await (const event of readEvents({ open, timeoutMs, signal })) {
    if (event.position === after || isSystemEvent(event)) continue
    yield event
    if (++yielded >= maxCount) return
  }
}

/** The newest event that is not a system event. */
export async function newestEvent({
  client,
  timeoutMs,
}: Source): Promise<RecordedEvent | undefined> {
  let before: bigint | undefined
  for (let page = 0; ; page++) {
    const maxCount = BACKWARDS_PAGES[Math.min(page, BACKWARDS_PAGES.length - 1)] ?? 1
    const fromPosition = before === undefined ? END : { commit: before, prepare: before }
    const open = () => client.readAll({ direction: BACKWARDS, fromPosition, maxCount })
    let seen = 0
    for await (const event of readEvents({ open, timeoutMs })) {
      if (!isSystemEvent(event)) return event
      before = event.position
      seen++
    }
    if (seen === 0) return undefined
  }
}

/** The event at exactly this position; a position the log does not have may be refused by the server. */
export async function eventAt(
  { client, timeoutMs }: Source,
  position: bigint,
): Promise<RecordedEvent | undefined> {
  const fromPosition = { commit: position, prepare: position }
  const open = () => client.readAll({ fromPosition, maxCount: 1 })
  for await (const event of readEvents({ open, timeoutMs }))
    if (event.position === position) return event
  return undefined
}

/** Throws EVENT_STORE_UNAVAILABLE unless the log can be read in time. */
export async function ping({ client }: Source, timeoutMs: number): Promise<void> {
  const open = () => client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 })
  const events = readEvents({ open, timeoutMs, signal: AbortSignal.timeout(timeoutMs) })
  try {
    await events.next()
  } catch (cause) {
    throw new AppError('EVENT_STORE_UNAVAILABLE', 'The event store does not answer', {
      retryable: true,
      cause,
    })
  } finally {
    await events.return(undefined)
  }
}
