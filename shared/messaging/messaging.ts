import { setTimeout as wait } from 'node:timers/promises'
import { Events, type NatsConnection } from 'nats'
import { z } from 'zod'
import { AppError } from '#domain'
import { limitLines, type Logger } from '#observability'

/** One connection to NATS that comes back by itself. */
export interface Messaging extends AsyncDisposable {
  connection: NatsConnection
  logger: Logger
  /** For lines that an outage would repeat, from any of the loops on this connection. */
  limited: ReturnType<typeof limitLines>
  isConnected: () => boolean
  /** How long the present connection has been up, in milliseconds of monotonic time; 0 while it is down. */
  connectedForMs: () => number
  /** How often the connection has been made; another number than before means it was lost in between. */
  connects: () => number
  /** Resolves when JetStream answers. Throws MESSAGING_UNAVAILABLE. */
  ping: (timeoutMs: number) => Promise<void>
  /** Calls the listener after every loss and return of the connection; the result unregisters it. */
  onReconnect: (listener: () => void) => () => void
  onDisconnect: (listener: () => void) => () => void
  close: () => Promise<void>
}

/** A server that was cut off from its cluster keeps its connections, and has no JetStream for them. */
const ASK_EVERY_MS = 2_000
const ASK_TIMEOUT_MS = 2_000
const FAILURES_FIRST = 3
/** While no server has JetStream, moving from one to the next helps nobody. */
const FAILURES_MAX = 20

interface Hooks {
  logger: Logger
  onClosed?: (error: Error) => void
}

/** Wraps a connection that has just been made. */
export function messagingOf(connection: NatsConnection, { logger, onClosed }: Hooks): Messaging {
  const reconnected = new Set<() => void>()
  const disconnected = new Set<() => void>()
  const link = { since: performance.now() as number | undefined, connects: 1, closing: false }
  void followStatus()
  void followClose()
  void followJetStream()

  async function followClose(): Promise<void> {
    const error = await connection.closed()
    link.since = undefined
    if (link.closing) return
    const cause = error instanceof Error ? error : new Error('closed by the client library')
    logger.fatal({ err: cause }, 'The connection to NATS has ended for good')
    onClosed?.(cause)
  }

  async function followStatus(): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === Events.Disconnect && link.since !== undefined) {
        link.since = undefined
        logger.warn('Lost the connection to NATS')
        for (const listener of disconnected) listener()
      } else if (type === Events.Reconnect) {
        link.since = performance.now()
        link.connects++
        logger.info({ server: connection.getServer() }, 'Connected to NATS again')
        for (const listener of reconnected) listener()
      }
    }
  }

  async function followJetStream(): Promise<void> {
    let failures = 0
    let failuresMax = FAILURES_FIRST
    for (;;) {
      await wait(ASK_EVERY_MS, undefined, { ref: false })
      if (link.closing || connection.isClosed()) return
      const canMove = link.since !== undefined && connection.info?.cluster !== undefined
      const isAnswered = !canMove || (await answers(connection))
      failures = isAnswered ? 0 : failures + 1
      if (isAnswered) failuresMax = FAILURES_FIRST
      if (failures < failuresMax) continue
      failures = 0
      failuresMax = Math.min(failuresMax * 2, FAILURES_MAX)
      logger.warn({ server: connection.getServer() }, 'No JetStream here; another server is tried')
      await connection.reconnect().catch(() => undefined)
    }
  }

  async function close(): Promise<void> {
    link.closing = true
    await connection.close()
  }

  return {
    connection,
    logger,
    limited: limitLines(),
    isConnected: () => link.since !== undefined,
    connectedForMs: () => (link.since === undefined ? 0 : performance.now() - link.since),
    connects: () => link.connects,
    ping: (timeoutMs) => pingJetStream(connection, timeoutMs),
    onReconnect: (listener) => register(reconnected, listener),
    onDisconnect: (listener) => register(disconnected, listener),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function register(listeners: Set<() => void>, listener: () => void): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

async function answers(connection: NatsConnection): Promise<boolean> {
  return pingJetStream(connection, ASK_TIMEOUT_MS).then(
    () => true,
    () => false,
  )
}

const answer = z.object({ error: z.object({ description: z.string() }).optional() })

async function pingJetStream(connection: NatsConnection, timeoutMs: number): Promise<void> {
  try {
    const reply = await connection.request('$JS.API.INFO', undefined, { timeout: timeoutMs })
    const { error } = answer.parse(reply.json())
    if (error !== undefined) throw new Error(error.description)
  } catch (cause) {
    throw new AppError('MESSAGING_UNAVAILABLE', 'JetStream does not answer', {
      retryable: true,
      cause,
    })
  }
}
