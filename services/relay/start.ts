import { setTimeout as wait } from 'node:timers/promises'
import { openEventStore } from '#eventstore'
import { buildServer, closeWithin } from '#http'
import { awaitTopology, connectMessaging, type Messaging } from '#messaging'
import { createLogger } from '#observability'
import type { RelayConfig } from './config.ts'
import { createMetrics } from './metrics.ts'
import { startRelay } from './relay.ts'

const CHECK_EVERY_MS = 5_000
const CLOSE_TIMEOUT_MS = 2_000

/**
 * Starts the relay: it listens at once and says in `/health/ready` what it waits for.
 * `onFatal` is called when it cannot go on and the process should end.
 */
export async function start(
  config: RelayConfig,
  onFatal: (error: Error) => void = () => {},
): Promise<{ url: string; close: () => Promise<void> }> {
  const { EVENTSTORE_URL: connectionString, NATS_URL: natsUrl, LOG_LEVEL: level } = config
  const logger = createLogger({ service: 'relay', level })
  const metrics = createMetrics()
  const closing = new AbortController()
  const { signal } = closing
  const store = openEventStore({ connectionString, logger })
  let messaging: Messaging | undefined
  let relay: ReturnType<typeof startRelay> | undefined

  const running = run()
  async function run(): Promise<void> {
    const onClosed = onFatal
    messaging = await connectMessaging({ url: natsUrl, name: 'relay', logger, signal, onClosed })
    if (!(await awaitTopology(messaging, { signal }))) return
    const options = { store, messaging, logger, metrics, signal }
    relay = startRelay({
      ...options,
      windowMax: config.RELAY_WINDOW,
      checkEveryMs: CHECK_EVERY_MS,
    })
    await relay.done
  }
  running.catch((err: unknown) => {
    if (signal.aborted) return
    logger.fatal({ err }, 'The relay has ended')
    onFatal(err instanceof Error ? err : new Error(String(err)))
  })

  const checks = {
    eventStore: () => store.ping(2_000),
    nats: async () => {
      if (messaging === undefined) throw new Error('NATS has not answered yet')
      await messaging.ping(2_000)
    },
    relay: async () => {
      const status = relay?.status() ?? 'starting'
      if (status === 'starting') throw new Error('The relay has not started yet')
      if (typeof status === 'object') throw status.cause
    },
  }
  const server = buildServer({ service: 'relay', logger, checks, registry: metrics.registry })
  const url = await server.listen({ host: config.HOST, port: config.PORT })
  logger.info({ url }, 'listening')
  return {
    url,
    close: async () => {
      closing.abort()
      await running.catch(() => {})
      await closeWithin(server)
      await messaging?.close()
      // The client library may wait for ever for a read that has already ended.
      await Promise.race([store.close(), wait(CLOSE_TIMEOUT_MS, undefined, { ref: false })])
    },
  }
}
