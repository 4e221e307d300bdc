import { OutOfTimeError, pause, within } from '#async'
import { AppError } from '#domain'
import type { Logger } from '#observability'
import {
  type AppendClient,
  type ClientAppend,
  connectForAppends,
  disposed,
  type EventData,
  jsonEvent,
  type JSONType,
} from './client.ts'
import { appErrorOf, ruleOf } from './errors.ts'
import type { Appended, ExpectedRevision, NewEvent } from './event-store.ts'

/** Longer than the 2 s after which the event store answers an append it could not commit, or is doing already. */
const ATTEMPT_TIMEOUT_MS = 3_000
const READY_TIMEOUT_MS = 3_000
const SETTLE_TIMEOUT_MS = 250
/** A node that refuses every append for this long may have lost its cluster: the nodes are looked up again. */
const PUT_OFF_MAX_MS = 1_000
const PAUSE_FIRST_MS = 20
const PAUSE_MAX_MS = 500

interface AppendCall extends ClientAppend {
  timeoutMs: number
  signal?: AbortSignal | undefined
}

/** Sends appends, again and unchanged while nobody knows whether they were done. */
interface Appender {
  append: (call: AppendCall) => Promise<Appended>
  close: () => Promise<void>
}

interface Connection {
  client: AppendClient
  ready: Promise<void>
  inFlight: Set<Promise<unknown>>
  answeredAt: number
  /** Since when every answer was "later". */
  putOffSince?: number | undefined
}

/** A client of its own, that does nothing but append: a failed read must not disturb appends in flight. */
function openAppender(connectionString: string, logger?: Logger): Appender {
  let current: Connection | undefined
  let ending: Promise<void> = Promise.resolve()

  const open = (): Connection => {
    const client = connectForAppends(connectionString)
    const ready = within(client.ready, READY_TIMEOUT_MS)
    const connection: Connection = { client, ready, inFlight: new Set(), answeredAt: 0 }
    ready.catch(() => giveUp(connection))
    return connection
  }
  // All clients of a process share one table of answers: the next one starts when this one has ended.
  const giveUp = (connection: Connection, err?: unknown) => {
    if (connection !== current) return
    current = undefined
    const answersLater = err !== undefined && !ruleOf(err).endsClient
    ending = ending.then(() => ended(connection, answersLater))
    if (err !== undefined)
      logger?.warn({ err }, 'the connection that appends to the event store is replaced')
  }
  const connected = async (): Promise<Connection> => {
    for (;;) {
      await ending
      const connection = (current ??= open())
      await connection.ready
      if (connection === current) return connection
    }
  }
  const send = async (call: AppendCall): Promise<Appended> => {
    const connection = await connected()
    call.signal?.throwIfAborted()
    const sentAt = performance.now()
    const sent = connection.client.append(call)
    const settled = sent.catch(() => undefined).finally(() => connection.inFlight.delete(settled))
    connection.inFlight.add(settled)
    // Timed on its own: the caller may have less time left than an attempt needs.
    return within(sent, ATTEMPT_TIMEOUT_MS).then(
      (appended) => {
        connection.answeredAt = performance.now()
        connection.putOffSince = undefined
        return appended
      },
      (error: unknown) => {
        if (isOver(connection, error, sentAt)) giveUp(connection, error)
        throw error
      },
    )
  }
  return {
    append: (call) => untilKnown(call, send),
    close: async () => {
      await ending
      if (current) await disposed(current.client)
    },
  }
}

/** Whether this failure says that the connection leads nowhere. */
function isOver(connection: Connection, error: unknown, sentAt: number): boolean {
  const { isRepeated, endsClient } = ruleOf(error)
  // One append was not answered: the connection is as good as the answers that came since.
  if (error instanceof OutOfTimeError) return connection.answeredAt < sentAt
  if (endsClient) return true
  const now = performance.now()
  connection.answeredAt = now
  connection.putOffSince = isRepeated ? (connection.putOffSince ?? now) : undefined
  return now - (connection.putOffSince ?? now) > PUT_OFF_MAX_MS
}

/**
 * Ends the connection. One whose node answers "later" is about to answer what is in flight, and a repeat of that
 * would be dropped; from one that is silent or broken nothing comes any more.
 */
async function ended({ client, inFlight }: Connection, answersLater: boolean): Promise<void> {
  const settled = () => Promise.all(inFlight)
  if (answersLater) await within(settled(), ATTEMPT_TIMEOUT_MS).catch(() => undefined)
  await disposed(client)
  await within(settled(), SETTLE_TIMEOUT_MS).catch(() => undefined)
}

async function untilKnown(
  call: AppendCall,
  send: (call: AppendCall) => Promise<Appended>,
): Promise<Appended> {
  const giveUpAt = performance.now() + call.timeoutMs
  for (let pauseMs = PAUSE_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
    try {
      return await within(send(call), Math.max(1, giveUpAt - performance.now()), call.signal)
    } catch (error) {
      call.signal?.throwIfAborted()
      const isLate = performance.now() + pauseMs >= giveUpAt
      if (!ruleOf(error).isRepeated || isLate) throw appErrorOf(error, call.stream)
    }
    await pause(pauseMs, call.signal)
  }
}

interface Shared {
  appender: Appender
  users: number
}

const appenders = new Map<string, Shared>()

/**
 * The process's one appender to this event store: two clients that append in one process fail each other's appends.
 * The last user's `close` closes it.
 */
export function sharedAppender(connectionString: string, logger?: Logger): Appender {
  const shared = appenders.get(connectionString) ?? {
    appender: openAppender(connectionString, logger),
    users: 0,
  }
  shared.users++
  appenders.set(connectionString, shared)
  let open = true
  return {
    append: shared.appender.append,
    close: async () => {
      if (!open) return
      open = false
      if (--shared.users > 0) return
      appenders.delete(connectionString)
      await shared.appender.close()
    },
  }
}

/** EventStoreDB's default limit for data, metadata and types of one append together. */
const APPEND_BYTES_MAX = 1024 * 1024

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const REVISION_MAX = 2n ** 63n - 1n

/**
 * Checks an append before the client sees it: the client shares one call between all appends of the process, and
 * one it cannot encode fails or hangs the others. Throws EVENT_STORE_REJECTED or EVENT_TOO_LARGE.
 */
export function checkedEvents(
  stream: string,
  events: NewEvent[],
  expected: ExpectedRevision,
): EventData[] {
  if (stream === '' || stream.startsWith('$')) throw rejected(`"${stream}" cannot be appended to`)
  // A repeat with any other expectation is known to the event store only until it is restarted.
  const isExact = typeof expected === 'bigint' && expected >= 0n && expected <= REVISION_MAX
  if (!isExact && expected !== 'no_stream') throw rejected(`${expected} is not a revision`)
  if (events.length === 0) throw rejected('An append needs an event')
  if (new Set(events.map((event) => event.id)).size < events.length)
    throw rejected('An event id occurs twice in one append')
  const bytes = events.reduce((sum, event) => sum + checkedBytes(event), 0)
  if (bytes > APPEND_BYTES_MAX)
    throw new AppError('EVENT_TOO_LARGE', `An append of ${bytes} bytes is too large`, {
      details: { stream, bytes, bytesMax: APPEND_BYTES_MAX },
    })
  return events.map(toEventData)
}

function checkedBytes(event: NewEvent): number {
  if (!UUID.test(event.id)) throw rejected(`The event id "${event.id}" is not a UUID`)
  if (event.type === '' || event.type.startsWith('$'))
    throw rejected(`"${event.type}" is not an event type`)
  return Buffer.byteLength(event.type) + jsonBytes(event, 'data') + jsonBytes(event, 'metadata')
}

function jsonBytes(event: NewEvent, part: 'data' | 'metadata'): number {
  try {
    return Buffer.byteLength(JSON.stringify(event[part]))
  } catch (cause) {
    throw rejected(`The ${part} of ${event.type} cannot be written as JSON`, cause)
  }
}

function toEventData({ id, type, data, metadata }: NewEvent): EventData {
  if (!isJson(data)) throw rejected(`The data of ${type} is not an object`)
  return jsonEvent({ id, type, data, metadata: { ...metadata } })
}

function isJson(value: unknown): value is JSONType {
  return typeof value === 'object' && value !== null
}

function rejected(message: string, cause?: unknown): AppError {
  return new AppError('EVENT_STORE_REJECTED', message, { cause })
}
