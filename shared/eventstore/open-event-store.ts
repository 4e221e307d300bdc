import { EventStoreDBClient, START } from '@eventstore/db-client'
import { AppError } from '#domain'
import type { Logger } from '#observability'
import { disposed, sharedAppender } from './appender.ts'
import { checkedEvents } from './check-append.ts'
import type { EventStore, ReadStreamOptions } from './event-store.ts'
import { eventAt, newestEvent, ping, readAll, readEvents } from './read.ts'
import { subscribeToAll } from './subscribe.ts'

const TIMEOUT_MS = 5_000

export interface OpenEventStoreOptions {
  /** Such as `esdb://127.0.0.1:2113?tls=false`. */
  connectionString: string
  /** How long an append or a read may take in all. */
  timeoutMs?: number
  logger?: Logger
}

/** Connects lazily: the event store need not be up yet. Throws CONFIG_INVALID for a connection string that is none. */
export function openEventStore(options: OpenEventStoreOptions): EventStore {
  const { connectionString, timeoutMs = TIMEOUT_MS, logger } = options
  const client = connect(connectionString)
  const appender = sharedAppender(connectionString, logger)
  const source = { client, timeoutMs }
  return {
    append: async (stream, events, expected, { signal } = {}) => {
      const checked = checkedEvents(stream, events, expected)
      signal?.throwIfAborted()
      return appender.append({ stream, events: checked, expected, timeoutMs, signal })
    },
    readStream: (stream, readOptions = {}) =>
      readEvents({ ...streamRead(client, stream, readOptions), timeoutMs }),
    readAll: (readOptions = {}) => readAll(source, readOptions),
    subscribeToAll: ({ after, signal }) => subscribeToAll({ client, after, signal, logger }),
    head: async () => {
      const newest = await newestEvent(source)
      return newest && { position: newest.position, id: newest.id }
    },
    eventAt: (position) => eventAt(source, position),
    ping: (pingTimeoutMs) => ping(source, pingTimeoutMs),
    close: async () => {
      await Promise.all([appender.close(), disposed(client)])
    },
  }
}

function connect(connectionString: string): EventStoreDBClient {
  if (/throwOnAppendFailure=false/i.test(connectionString))
    throw new AppError('CONFIG_INVALID', 'throwOnAppendFailure must not be false')
  try {
    return EventStoreDBClient.connectionString(connectionString)
  } catch (cause) {
    throw new AppError('CONFIG_INVALID', 'The event store connection string is invalid', { cause })
  }
}

function streamRead(client: EventStoreDBClient, stream: string, options: ReadStreamOptions) {
  const { from = START, maxCount = Number.MAX_SAFE_INTEGER, signal } = options
  const open = () => client.readStream(stream, { fromRevision: from, maxCount })
  return { open, stream, signal }
}
