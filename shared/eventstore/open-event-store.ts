import { randomUUID } from 'node:crypto'
import { hasCode } from '#domain'
import type { Logger } from '#observability'
import { checkedEvents, sharedAppender } from './appender.ts'
import { connectForReads, jsonEvent, START } from './client.ts'
import type { EventStore, ReadStreamOptions } from './event-store.ts'
import { eventAt, newestEvent, ping, readAll, type ReadCall, readEvents } from './read.ts'
import { subscribeToAll } from './subscribe.ts'

const TIMEOUT_MS = 5_000
/** A conflict at a revision no stream has: the leader answered, and nothing was written. */
const PROBE_STREAM = 'storewright-probe'
const PROBE_REVISION = 2n ** 62n

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
  const connections = connectForReads(connectionString, logger)
  const appender = sharedAppender(connectionString, logger)
  const source = { connections, timeoutMs }
  return {
    append: async (stream, events, expected, { signal } = {}) => {
      const checked = checkedEvents(stream, events, expected)
      signal?.throwIfAborted()
      return appender.append({ stream, events: checked, expected, timeoutMs, signal })
    },
    readStream: (stream, readOptions = {}) =>
      readEvents({ ...source, ...streamRead(stream, readOptions) }),
    readAll: (readOptions = {}) => readAll(source, readOptions),
    subscribeToAll: (subscription) => subscribeToAll({ ...subscription, connections, logger }),
    head: async () => {
      const newest = await newestEvent(source)
      return newest && { position: newest.position, id: newest.id }
    },
    eventAt: (position) => eventAt(source, position),
    ping: (pingTimeoutMs) => ping(source, pingTimeoutMs),
    pingAppends: async (pingTimeoutMs) => {
      const events = [jsonEvent({ id: randomUUID(), type: 'Probe', data: {} })]
      const call = { stream: PROBE_STREAM, events, expected: PROBE_REVISION }
      try {
        await appender.append({ ...call, timeoutMs: pingTimeoutMs })
      } catch (error) {
        if (!hasCode(error, 'CONCURRENT_MODIFICATION')) throw error
      }
    },
    close: async () => {
      await Promise.all([appender.close(), connections.close()])
    },
  }
}

function streamRead(stream: string, options: ReadStreamOptions) {
  const { from = START, maxCount = Number.MAX_SAFE_INTEGER, signal } = options
  const open: ReadCall['open'] = (client) =>
    client.readStream(stream, { fromRevision: from, maxCount })
  return { open, stream, signal }
}
