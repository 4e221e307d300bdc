import type { FastifyBaseLogger, FastifyInstance } from 'fastify'

const IDLE_EVERY_MS = 50

interface CloseOptions {
  /** What the server used, closed after it in this order. */
  dependencies?: (() => Promise<unknown>)[]
  serverMs?: number
  dependencyMs?: number
}

/**
 * Stops taking requests, lets the running ones end, cuts what is still open after `serverMs`, then closes the dependencies.
 * Resolves in bounded time: a dependency that does not close is logged and left.
 */
export async function closeWithin(app: FastifyInstance, options: CloseOptions = {}): Promise<void> {
  const { dependencies = [], serverMs = 10_000, dependencyMs = 2_000 } = options
  const cut = setTimeout(() => app.server.closeAllConnections(), serverMs)
  // A connection whose answer has ended would be kept for the next request.
  const leave = setInterval(() => app.server.closeIdleConnections(), IDLE_EVERY_MS)
  try {
    await app.close()
  } finally {
    clearTimeout(cut)
    clearInterval(leave)
  }
  for (const close of dependencies) await closeOne(close, dependencyMs, app.log)
}

async function closeOne(
  close: () => Promise<unknown>,
  dependencyMs: number,
  logger: FastifyBaseLogger,
): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new Error(`not closed in ${dependencyMs} ms`)),
    dependencyMs,
  )
  try {
    await Promise.race([close(), late.promise])
  } catch (err) {
    logger.warn({ err }, 'a dependency did not close')
  } finally {
    clearTimeout(timer)
  }
}
