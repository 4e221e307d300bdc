import { OutOfTimeError, pause, within } from '#async'
import { AppError, hasCode } from '#domain'
import {
  BACKWARDS,
  END,
  type EventStoreDBClient,
  type ReadConnections,
  type ResolvedEvent,
  START,
  type StreamingRead,
  StreamNotFoundError,
  UnknownError,
} from './client.ts'
import { appErrorOf } from './errors.ts'
import type { ReadAllOptions, RecordedEvent } from './event-store.ts'

const PAUSE_MS = 50
/** A read that has not begun by then is asked again, of another node. */
const FIRST_EVENT_MS = 2_500
/** A node that answered nothing for this long may be frozen. */
const SILENT_MS = 1_000

export interface ReadCall extends Source {
  open: (client: EventStoreDBClient) => StreamingRead<ResolvedEvent>
  stream?: string
  signal?: AbortSignal | undefined
  /** An error that this read does not outlast; it is thrown as it is. */
  isFinal?: (error: unknown) => boolean
}

/** Yields what a read yields, nothing for a missing stream; starts again while nothing has come yet. */
export async function* readEvents(call: ReadCall): AsyncGenerator<RecordedEvent> {
  const giveUpAt = performance.now() + call.timeoutMs
  for (;;) {
    let started = false
    try {
      for await (const event of readOnce(call)) {
        started = true
        yield event
      }
      return
    } catch (error) {
      call.signal?.throwIfAborted()
      if (error instanceof StreamNotFoundError) return
      if (call.isFinal?.(error)) throw error
      const translated = appErrorOf(error, call.stream)
      const again = hasCode(translated, 'EVENT_STORE_UNAVAILABLE') && !started
      if (!again || performance.now() + PAUSE_MS >= giveUpAt) throw translated
    }
    await pause(PAUSE_MS, call.signal)
  }
}

async function* readOnce(call: ReadCall): AsyncGenerator<RecordedEvent> {
  const { connections, timeoutMs, signal } = call
  signal?.throwIfAborted()
  const connection = connections.take()
  const read = call.open(connection.client)
  const iterator = read.iterator({ destroyOnReturn: false })
  let waitingSince = performance.now()
  const next = (timeout: number) => {
    waitingSince = performance.now()
    return within(iterator.next(), timeout, signal)
  }
  try {
    let result = await next(Math.min(timeoutMs, FIRST_EVENT_MS))
    while (result.done !== true) {
      const event = recordedEvent(result.value)
      if (event) yield event
      result = await next(timeoutMs)
    }
  } catch (error) {
    const isUnanswered = error instanceof OutOfTimeError || signal?.aborted === true
    if (isUnanswered && performance.now() - waitingSince >= SILENT_MS)
      connections.replace(connection)
    throw error
  } finally {
    connections.giveBack(connection)
    void letGo(read, iterator)
  }
}

/**
 * The client forgets a call only when it fails or its end is read. Cancelling fails a call still open; of one the
 * server has ended the rest is read, which a destroyed stream would not do.
 */
async function letGo(read: StreamingRead<ResolvedEvent>, iterator: AsyncIterator<ResolvedEvent>) {
  read.on('error', () => undefined)
  void read.cancel().catch(() => undefined)
  await iterator.return?.().catch(() => undefined)
  read.resume()
}

const BACKWARDS_PAGES = [1, 64, 1024]

interface Source {
  connections: ReadConnections
  /** How long the event store may take for the next event; the reader may take longer. */
  timeoutMs: number
}

/** The log behind `after` without system events. */
export async function* readAll(
  source: Source,
  { after, signal }: ReadAllOptions,
): AsyncGenerator<RecordedEvent> {
  const fromPosition = after === undefined ? START : { commit: after, prepare: after }
  const open = (client: EventStoreDBClient) => client.readAll({ fromPosition })
  for await (const event of readEvents({ ...source, open, signal })) {
    if (event.position !== after && !isSystemEvent(event)) yield event
  }
}

/** The newest event that is not a system event. */
export async function newestEvent(source: Source): Promise<RecordedEvent | undefined> {
  let before: bigint | undefined
  for (let page = 0; ; page++) {
    const maxCount = BACKWARDS_PAGES[Math.min(page, BACKWARDS_PAGES.length - 1)] ?? 1
    const fromPosition = before === undefined ? END : { commit: before, prepare: before }
    const open = (client: EventStoreDBClient) =>
      client.readAll({ direction: BACKWARDS, fromPosition, maxCount })
    let seen = 0
    for await (const event of readEvents({ ...source, open })) {
      if (!isSystemEvent(event)) return event
      before = event.position
      seen++
    }
    if (seen === 0) return undefined
  }
}

/**
 * The event at exactly this position, as the leader has it: a node that has just started answers that the log is empty.
 * A server may refuse a position at which no event begins; that it is this which it refuses, a read of the end proves.
 */
export async function eventAt(
  source: Source,
  position: bigint,
): Promise<RecordedEvent | undefined> {
  const fromPosition = { commit: position, prepare: position }
  const open = (client: EventStoreDBClient) =>
    client.readAll({ fromPosition, maxCount: 1, requiresLeader: true })
  for (let refusals = 0; refusals < REFUSALS_MAX; refusals++)
    try {
      for await (const event of readEvents({ ...source, open, isFinal: isRefusal }))
        return event.position === position ? event : undefined
      return undefined
    } catch (error) {
      if (!isRefusal(error)) throw error
      await newestEvent(source)
    }
  return undefined
}

const REFUSALS_MAX = 2
const UNKNOWN = 2

/** The call ended with the status UNKNOWN, which the server gives when it does not say why. */
function isRefusal(error: unknown): boolean {
  return error instanceof UnknownError && Number(error.code) === UNKNOWN
}

/** Throws EVENT_STORE_UNAVAILABLE unless the log can be read in time. */
export async function ping(
  { connections }: Pick<Source, 'connections'>,
  timeoutMs: number,
): Promise<void> {
  const open = (client: EventStoreDBClient) =>
    client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 })
  const signal = AbortSignal.timeout(timeoutMs)
  const events = readEvents({ connections, open, timeoutMs, signal })
  try {
    await events.next()
  } catch (cause) {
    if (hasCode(cause, 'EVENT_STORE_ACCESS_DENIED')) throw cause
    throw new AppError('EVENT_STORE_UNAVAILABLE', 'The event store does not answer', {
      retryable: true,
      cause,
    })
  } finally {
    await events.return(undefined)
  }
}

/** The event as the system knows it; undefined for a link to nothing. */
export function recordedEvent({ event, commitPosition }: ResolvedEvent): RecordedEvent | undefined {
  const position = event?.position?.commit ?? commitPosition
  if (!event || position === undefined) return undefined
  return {
    id: event.id,
    stream: event.streamId,
    revision: event.revision,
    position,
    type: event.type,
    data: event.data,
    metadata: event.metadata,
    recordedAt: event.created.toISOString(),
  }
}

/** Events the event store writes for itself; their types start with `$`. */
function isSystemEvent(event: { type: string }): boolean {
  return event.type.startsWith('$')
}
