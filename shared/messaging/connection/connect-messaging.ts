import { AppError } from '#domain'
import type { Logger } from '#observability'
import { setTimeout as wait } from 'node:timers/promises'
import { connect } from 'nats'
import { connectionOptions } from './connection-options.ts'
import { messagingOf, type Messaging } from './messaging.ts'

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
