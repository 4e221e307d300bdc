import { type AppendResult, type EventData, EventStoreDBClient } from '@eventstore/db-client'
import { OutOfTimeError, pause, within } from '#async'
import type { Logger } from '#observability'
import { appErrorOf, isTransient, isUnexplained } from './errors.ts'
import type { Appended, ExpectedRevision } from './event-store.ts'

const ATTEMPT_TIMEOUT_MS = 2_000
const PAUSE_FIRST_MS = 20
const PAUSE_MAX_MS = 500
const UNEXPLAINED_MAX = 3

interface AppendCall {
  stream: string
  events: EventData[]
  expected: ExpectedRevision
  timeoutMs: number
  signal?: AbortSignal | undefined
}

/** Sends appends, again and unchanged while nobody knows whether they were done. */
interface Appender {
  append: (call: AppendCall) => Promise<Appended>
  close: () => Promise<void>
}

/** A client of its own, that does nothing but append: a failed read must not disturb appends in flight. */
function openAppender(connectionString: string, logger?: Logger): Appender {
  const connect = () => EventStoreDBClient.connectionString(connectionString)
  let client = connect()
  let renewing: Promise<void> | undefined

  // The old client's appends must all have failed before the new one's start: they share one table of answers.
  const renew = (hung: EventStoreDBClient) => {
    if (hung !== client) return
    renewing ??= disposed(client).then(() => {
      client = connect()
      renewing = undefined
      return undefined
    })
    logger?.warn('an append hung: the connection to the event store is made anew')
  }
  const attempt = async (call: AppendCall, timeoutMs: number) => {
    if (renewing) await renewing
    const used = client
    const { stream, events, expected, signal } = call
    const sent = used.appendToStream(stream, events, { expectedRevision: expected })
    try {
      return await within(sent, timeoutMs, signal)
    } catch (error) {
      if (error instanceof OutOfTimeError) renew(used)
      throw error
    }
  }
  return {
    append: (call) => untilKnown(call, attempt),
    close: async () => {
      await renewing
      await disposed(client)
    },
  }
}

type Attempt = (call: AppendCall, timeoutMs: number) => Promise<AppendResult>

async function untilKnown(call: AppendCall, attempt: Attempt): Promise<Appended> {
  const giveUpAt = Date.now() + call.timeoutMs
  let unexplained = 0
  for (let pauseMs = PAUSE_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
    const remainingMs = Math.max(1, giveUpAt - Date.now())
    try {
      const result = await attempt(call, Math.min(ATTEMPT_TIMEOUT_MS, remainingMs))
      return { revision: result.nextExpectedRevision, position: result.position?.commit }
    } catch (error) {
      call.signal?.throwIfAborted()
      if (isUnexplained(error)) unexplained++
      const again = isTransient(error) || isUnexplained(error)
      const late = Date.now() + pauseMs >= giveUpAt
      if (!again || late || unexplained > UNEXPLAINED_MAX) throw appErrorOf(error, call.stream)
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

const TIMEOUT_MS = 1_000

/** Cancels the client's calls; returns in any case, for the client waits for ever on a call that does not end. */
export async function disposed(client: EventStoreDBClient): Promise<void> {
  await within(client.dispose(), TIMEOUT_MS).catch(() => undefined)
}
