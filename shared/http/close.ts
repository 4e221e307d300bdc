import type { FastifyBaseLogger, FastifyInstance } from 'fastify'

const IDLE_EVERY_MS = 50

interface CloseOptions {
  /** What the server used, closed after it in this order. */
  parts?: (() => Promise<unknown>)[]
  serverMs?: number
  partMs?: number
}

/**
 * Stops taking requests, lets the running ones end, cuts what is still open after `serverMs`, then closes the parts.
 * Resolves in bounded time: a part that does not close is logged and left.
 */
export async function closeWithin(app: FastifyInstance, options: CloseOptions = {}): Promise<void> {
  const { parts = [], serverMs = 10_000, partMs = 2_000 } = options
  const cut = setTimeout(() => app.server.closeAllConnections(), serverMs)
  // A connection whose answer has ended would be kept for the next request.
  const leave = setInterval(() => app.server.closeIdleConnections(), IDLE_EVERY_MS)
  try {
    await app.close()
  } finally {
    clearTimeout(cut)
    clearInterval(leave)
  }
  for (const close of parts) await closePart(close, partMs, app.log)
}

async function closePart(
  close: () => Promise<unknown>,
  partMs: number,
  logger: FastifyBaseLogger,
): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`not closed in ${partMs} ms`)), partMs)
  try {
    await Promise.race([close(), late.promise])
  } catch (err) {
    logger.warn({ err }, 'a part did not close')
  } finally {
    clearTimeout(timer)
  }
}
