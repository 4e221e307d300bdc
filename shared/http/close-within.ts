import type { FastifyInstance } from 'fastify'

/** Stops taking requests, lets the running ones end, and cuts what is still open after `timeoutMs`. */
export async function closeWithin(app: FastifyInstance, timeoutMs = 10_000): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), timeoutMs)
  try {
    await app.close()
  } finally {
    clearTimeout(cut)
  }
}
