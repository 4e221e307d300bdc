import { setTimeout as wait } from 'node:timers/promises'
import { connect, type ConnectionOptions } from 'nats'
import { AppError } from '#domain'
import type { Logger } from '#observability'
import { type Messaging, messagingOf } from './messaging.ts'

const BACK_OFF_MS = [100, 250, 500, 1_000, 2_000, 5_000]

export interface MessagingOptions {
  /** `nats://user:password@host:port`, several separated by commas. */
  url: string
  /** Shown by the server's monitoring. */
  name: string
  logger: Logger
  /** Called when the connection has ended for good though `close` was not called; the process should end. */
  onClosed?: (error: Error) => void
  /** Ends the waiting for a first connection. */
  signal?: AbortSignal
}

/** Connects, waiting for the server as long as it takes; afterwards the connection comes back by itself. Throws MESSAGING_UNAVAILABLE on abort. */
export async function connectMessaging(options: MessagingOptions): Promise<Messaging> {
  const connection = await firstConnection(options)
  return messagingOf(connection, options)
}

async function firstConnection({ url, name, logger, signal }: MessagingOptions) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await connect(connectionOptions(url, name))
    } catch (error) {
      if (attempt === 0 || attempt % 10 === 9)
        logger.warn({ err: error, attempt: attempt + 1 }, 'NATS does not answer yet')
    }
    await wait(BACK_OFF_MS[Math.min(attempt, BACK_OFF_MS.length - 1)], undefined, {
      signal,
    }).catch((cause: unknown) => {
      throw new AppError('MESSAGING_UNAVAILABLE', 'NATS was not reached before the stop', { cause })
    })
  }
}

/** Options of a connection that never gives up and notices a frozen server within 15 s. */
export function connectionOptions(url: string, name: string): ConnectionOptions {
  const addresses = url.split(',').map((address) => new URL(address.trim()))
  const [first] = addresses
  return {
    servers: addresses.map(({ host }) => host),
    name,
    timeout: 3_000,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 4_000,
    maxPingOut: 2,
    noAsyncTraces: true,
    ...(addresses.some(({ protocol }) => protocol === 'tls:') && { tls: {} }),
    ...(first?.username && {
      user: decodeURIComponent(first.username),
      pass: decodeURIComponent(first.password),
    }),
  }
}

/** Waits while the connection is down: a request sent then is lost and only its timeout would say so. Resolves on abort too. */
export async function untilConnected(messaging: Messaging, signal: AbortSignal): Promise<void> {
  if (messaging.isConnected() || signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const forget = messaging.onReconnect(resolve)
  const stop = () => resolve()
  signal.addEventListener('abort', stop)
  await promise
  forget()
  signal.removeEventListener('abort', stop)
}
