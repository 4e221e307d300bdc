import { type EventData, EventStoreDBClient } from '@eventstore/db-client'
import { EventEmitter } from 'node:events'
import { within } from '#async'
import { AppError } from '#domain'
import type { Logger } from '#observability'

// The one file that imports the client: another client, or a newer one, is a change of this file.
export {
  BACKWARDS,
  END,
  ErrorType,
  eventTypeFilter,
  type EventData,
  type EventStoreDBClient,
  excludeSystemEvents,
  isCommandError,
  jsonEvent,
  type JSONType,
  type ResolvedEvent,
  START,
  streamNameFilter,
  type StreamingRead,
  StreamNotFoundError,
  TimeoutError,
  UnknownError,
  WrongExpectedVersionError,
} from '@eventstore/db-client'

/** How long one node may take to answer which nodes there are: the client asks them one after the other. */
const GOSSIP_TIMEOUT_S = 2

/** Connects on the first call. Throws CONFIG_INVALID for a connection string that is none. */
function connect(connectionString: string): EventStoreDBClient {
  if (/throwOnAppendFailure=false/i.test(connectionString))
    throw new AppError('CONFIG_INVALID', 'throwOnAppendFailure must not be false')
  const unknown = unknownOption(connectionString)
  if (unknown !== undefined)
    throw new AppError('CONFIG_INVALID', `EVENTSTORE_URL has an unknown option: ${unknown}`)
  try {
    return noteChannel(EventStoreDBClient.connectionString(withGossipTimeout(connectionString)))
  } catch {
    // The client's error quotes the string with its password.
    throw new AppError('CONFIG_INVALID', 'The event store connection string is invalid')
  }
}

/** The client would take it, and print the whole string with its password. */
function unknownOption(connectionString: string): string | undefined {
  const [, query = ''] = connectionString.trim().split('?')
  const names = query.split('&').map((option) => option.split('=')[0]?.trim() ?? '')
  return names.find((name) => name !== '' && !options.has(name.toLowerCase().replace(/[_-]/g, '')))
}

const options = new Set([
  'usercertfile',
  'userkeyfile',
  'maxdiscoverattempts',
  'connectionname',
  'defaultdeadline',
  'discoveryinterval',
  'gossiptimeout',
  'nodepreference',
  'tls',
  'tlsverifycert',
  'tlscafile',
  'throwonappendfailure',
  'keepaliveinterval',
  'keepalivetimeout',
])

/** Only where nodes are looked for, and unless given; its default of 5 s is an append's whole time. */
function withGossipTimeout(connectionString: string): string {
  const [address = '', query = ''] = connectionString.trim().split('?')
  const looksForNodes = address.startsWith('esdb+discover:') || address.includes(',')
  if (!looksForNodes || /gossip[_-]?timeout=/i.test(query)) return connectionString
  return `${address}?${[query, `gossipTimeout=${GOSSIP_TIMEOUT_S}`].filter(Boolean).join('&')}`
}

export interface ClientAppend {
  stream: string
  events: EventData[]
  expected: bigint | 'no_stream'
}

/** A client that only appends; `ready` settles when it has found a node and knows what the node can do. */
export interface AppendClient {
  ready: Promise<void>
  append: (call: ClientAppend) => Promise<{ revision: bigint; position: bigint | undefined }>
  /** Cancels what is open. May wait for ever. */
  dispose: () => Promise<void>
}

/**
 * The client keeps the answers of all its instances in one table of the process and asks for the server's abilities
 * only once. So nothing may be handed to it before `ready`, and one whose `ready` was rejected is of no more use.
 */
export function connectForAppends(connectionString: string): AppendClient {
  const client = connect(connectionString)
  guardAnswers(client)
  return {
    ready: ready(client),
    append: async ({ stream, events, expected }) => {
      const result = await client.appendToStream(stream, events, { expectedRevision: expected })
      return { revision: result.nextExpectedRevision, position: result.position?.commit }
    },
    dispose: () => hungUp(client),
  }
}

async function ready(client: EventStoreDBClient): Promise<void> {
  // Hidden by its types, not by the class.
  await Reflect.get(client, 'capabilities')
}

/**
 * An answer that is not in the client's table, or that it cannot read, would be thrown out of an event listener and
 * end the process. Such an answer is dropped: its append runs out of time and is sent again.
 */
function guardAnswers(client: EventStoreDBClient): void {
  const original: unknown = Reflect.get(client, 'GRPCStreamCreator')
  if (typeof original !== 'function') return
  const guarded = (service: unknown, name: string, open: unknown, cache: unknown): unknown =>
    Reflect.apply(original, client, [
      service,
      name,
      typeof open === 'function' ? (stub: unknown) => guardedCall(open, stub) : open,
      cache,
    ])
  Reflect.set(client, 'GRPCStreamCreator', guarded)
}

async function guardedCall(open: Function, stub: unknown): Promise<unknown> {
  const call: unknown = await Reflect.apply(open, undefined, [stub])
  if (!(call instanceof EventEmitter)) return call
  for (const listener of call.listeners('data')) {
    call.removeAllListeners('data')
    call.on('data', (answer) => {
      try {
        Reflect.apply(listener, call, [answer])
      } catch {
        // See above: nobody waits for it.
      }
    })
  }
  return call
}

/** A client that reads. */
interface ReadConnection {
  client: EventStoreDBClient
  /** Aborts when another took its place: what follows the log through this one begins again through that. */
  replaced: AbortSignal
}

/** The client that reads, and the next one when the node of this one answers nothing. */
export interface ReadConnections {
  /** The present one; it stays open until it is given back. */
  take: () => ReadConnection
  giveBack: (connection: ReadConnection) => void
  /** Looks the nodes up again, unless that was done since the connection was taken. */
  replace: (connection: ReadConnection) => void
  close: () => Promise<void>
}

/** Connects on the first call. Throws CONFIG_INVALID for a connection string that is none. */
export function connectForReads(connectionString: string, logger?: Logger): ReadConnections {
  const users = new Map<ReadConnection, number>()
  let replacement = new AbortController()
  const open = (): ReadConnection => {
    replacement = new AbortController()
    return { client: connect(connectionString), replaced: replacement.signal }
  }
  let current = open()
  const endUnused = (connection: ReadConnection) => {
    if (connection !== current && !users.has(connection)) void hungUp(connection.client)
  }
  return {
    take: () => {
      users.set(current, (users.get(current) ?? 0) + 1)
      return current
    },
    giveBack: (connection) => {
      const others = (users.get(connection) ?? 1) - 1
      if (others > 0) return void users.set(connection, others)
      users.delete(connection)
      endUnused(connection)
    },
    replace: (connection) => {
      if (connection !== current) return
      logger?.warn('the event store answers no reads; its nodes are looked up again')
      const replaced = replacement
      current = open()
      replaced.abort(new Error('The node does not answer'))
      endUnused(connection)
    },
    close: async () => {
      await Promise.all([...users.keys(), current].map(({ client }) => hungUp(client)))
    },
  }
}

const DISPOSE_TIMEOUT_MS = 1_000

/** Cancels the client's calls; returns in any case, for the client waits for ever on a call that does not end. */
export async function disposed(client: { dispose: () => Promise<void> }): Promise<void> {
  await within(client.dispose(), DISPOSE_TIMEOUT_MS).catch(() => undefined)
}

const channels = new WeakMap<EventStoreDBClient, { close: () => void }>()

/** Notes the channel that the client opens, for it keeps that to itself and leaves it open when it is disposed of. */
function noteChannel(client: EventStoreDBClient): EventStoreDBClient {
  const original: unknown = Reflect.get(client, 'createChannel')
  if (typeof original !== 'function') return client
  Reflect.set(client, 'createChannel', async () => {
    const channel: unknown = await Reflect.apply(original, client, [])
    // The one before has failed; the client has closed it itself.
    if (isClosable(channel)) channels.set(client, channel)
    return channel
  })
  return client
}

/** Ends a client with its connection. */
async function hungUp(client: EventStoreDBClient): Promise<void> {
  await disposed(client)
  channels.get(client)?.close()
}

function isClosable(channel: unknown): channel is { close: () => void } {
  return typeof channel === 'object' && channel !== null && 'close' in channel
}
