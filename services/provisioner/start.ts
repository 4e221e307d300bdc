import { openEventStore } from '#eventstore'
import { buildServer, closeWithin } from '#http'
import { createLogger } from '#observability'
import { openPool } from '#postgres'
import type { ProvisionerConfig } from './config.ts'
import { createMetrics } from './metrics.ts'
import { openDriver } from './open-driver.ts'
import { startProvisioner } from './provisioner.ts'

/**
 * Starts a provisioner: it listens at once, and takes work when NATS answers. Throws HELM_MISSING.
 * `close` lets helm end within the grace time, and settles when nothing of it runs any more.
 * `onFatal` is called when it cannot go on and the process should end.
 */
export async function start(
  config: ProvisionerConfig,
  onFatal: (error: Error) => void = () => {},
): Promise<{ url: string; close: () => Promise<void> }> {
  const logger = createLogger({ service: 'provisioner', level: config.LOG_LEVEL })
  const metrics = createMetrics()
  await using stack = new AsyncDisposableStack()
  const driver = stack.use(await openDriver(config, logger))
  const pool = openPool({ url: config.DATABASE_URL, logger, max: 2 })
  stack.defer(() => pool.end())
  const eventStore = openEventStore({ connectionString: config.EVENTSTORE_URL, logger })
  stack.defer(() => eventStore.close())
  const dependencies = { config, driver, eventStore, pool, logger, metrics, onFatal }
  const provisioner = startProvisioner(dependencies)
  stack.defer(provisioner.closeConnection)
  const checks = {
    eventStore: () => Promise.all([eventStore.ping(1_500), eventStore.pingAppends(1_500)]),
    nats: provisioner.ping,
  }
  const { registry } = metrics
  const server = buildServer({ service: 'provisioner', logger, checks, registry })
  stack.defer(() => closeWithin(server))
  stack.defer(provisioner.drain)
  const url = await server.listen({ host: config.HOST, port: config.PORT })
  logger.info({ url }, 'listening')
  const open = stack.move()
  return { url, close: () => open.disposeAsync() }
}
