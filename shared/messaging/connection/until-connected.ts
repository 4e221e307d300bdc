import type { Messaging } from './messaging.ts'

/** Waits while the connection is down: what is asked meanwhile is lost and only its timeout would say so. Resolves on abort too. */
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
