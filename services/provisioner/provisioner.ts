import { resolve } from 'node:path'
import type { EventStore } from '#eventstore'
import { followLimits } from '#http'
import {
  awaitTopology,
  checkTopology,
  connectMessaging,
  type Messaging,
  nextWork,
  openLeases,
  type WorkTimings,
} from '#messaging'
import { kindOfError, limitLines, type Logger } from '#observability'
import { listWaiting, type Pool } from '#postgres'
import { installationOf, leaseTimes, type ProvisionerConfig } from './config.ts'
import type { ProvisionerMetrics } from './metrics.ts'
import type { Driver } from './reconcile/driver.ts'
import { sweep } from './sweep.ts'
import { fairTurns, limitTenants, openGlobalConcurrency } from './worker/concurrency.ts'
import { handleMessage } from './worker/handle-message.ts'
import { openQuotas } from './worker/release-quota.ts'
import { endedClaims, type Worker } from './worker/worker.ts'

interface ProvisionerDependencies {
  config: ProvisionerConfig
  driver: Driver
  eventStore: EventStore
  pool: Pool
  logger: Logger
  metrics: ProvisionerMetrics
  onFatal: (error: Error) => void
}

const PULL_MS = 30_000

/** Handles up to CONCURRENCY messages at once as soon as NATS answers, and sweeps for silent stores. */
export function startProvisioner(dependencies: ProvisionerDependencies) {
  const { config, logger, onFatal } = dependencies
  const draining = new AbortController()
  const stopping = new AbortController()
  const timings = leaseTimes(config)
  const name = `provisioner ${config.WORKER_ID}`
  const { signal } = draining
  let messaging: Messaging | undefined
  const run = async () => {
    const onClosed = onFatal
    const bus = await openBus({ url: config.NATS_URL, name, timings, logger, signal, onClosed })
    if (bus === undefined) return
    messaging = bus
    const leases = openLeases(bus, timings)
    const globalConcurrency = openGlobalConcurrency(bus, {
      permitsMax: config.GLOBAL_CONCURRENCY,
      tenantPermitsMax: config.GLOBAL_TENANT_CONCURRENCY,
      limitsOf: followLimits({ store: dependencies.eventStore, logger, signal }),
      ...timings,
    })
    const worker = workerOf(dependencies, { leases, globalConcurrency, stopping: stopping.signal })
    logger.info({ workerId: config.WORKER_ID, concurrency: config.CONCURRENCY }, 'taking work')
    const loops = Array.from({ length: config.CONCURRENCY }, () => handleNext(bus, worker, signal))
    await Promise.all([...loops, sweep({ ...dependencies, messaging: bus, leases, signal })])
    globalConcurrency.close()
    leases.close()
  }
  const running = run()
  running.catch(onFatal)
  return {
    /** Throws unless work can be taken. */
    ping: async (): Promise<void> => {
      if (messaging === undefined) throw new Error('NATS has not answered yet')
      await Promise.all([messaging.ping(1_500), checkTopology(messaging, 1_500)])
    },
    /** Takes no more messages, and gives helm the grace time; settles when the last work has ended. */
    drain: async (): Promise<void> => {
      draining.abort()
      const shutdownDeadline = setTimeout(() => stopping.abort(), config.SHUTDOWN_GRACE_MS)
      await running.catch(() => {})
      clearTimeout(shutdownDeadline)
    },
    closeConnection: async (): Promise<void> => messaging?.close(),
  }
}

async function handleNext(
  messaging: Messaging,
  worker: Worker,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    // Acquired before the message: a message that is held waits for nothing but its own work.
    await using permit = await worker.globalConcurrency.acquire(signal)
    if (permit === undefined) continue
    const message = await nextWork(messaging, { signal, expiresMs: PULL_MS })
    if (message === undefined) continue
    worker.metrics.messagesInProgress.inc()
    await handleMessage(message, worker)
    worker.metrics.messagesInProgress.dec()
  }
}

function workerOf(
  { config, driver, eventStore, pool, logger, metrics }: ProvisionerDependencies,
  shared: Pick<Worker, 'leases' | 'globalConcurrency' | 'stopping'>,
): Worker {
  const limited = limitLines()
  const turns = fairTurns({
    listWaiting: (tenantId) => listWaiting(pool, tenantId),
    onError: (err) =>
      limited(`turns: ${kindOfError(err)}`, (counted) =>
        logger.warn({ err, ...counted }, 'Who waits is not known; messages are taken in order'),
      ),
  })
  return {
    workerId: config.WORKER_ID,
    eventStore,
    quotas: openQuotas(eventStore),
    ...shared,
    driver,
    logger,
    limited,
    turns,
    metrics,
    chartsDir: resolve(config.CHARTS_DIR),
    installation: installationOf(config),
    retryDelaysMs: config.RETRY_DELAYS_MS,
    lease: leaseTimes(config),
    resultRetryMs: config.RESULT_RETRY_MS,
    now: () => new Date().toISOString(),
    tenantConcurrency: limitTenants(config.TENANT_CONCURRENCY ?? config.CONCURRENCY),
    ended: endedClaims(),
  }
}

interface BusOptions {
  url: string
  name: string
  timings: WorkTimings
  logger: Logger
  signal: AbortSignal
  /** Called when the connection has ended for good. */
  onClosed: (error: Error) => void
}

/**
 * Connects and makes what is missing in JetStream, however long that takes; undefined when told to stop.
 * Throws CONFIG_INVALID when the configuration of NATS does not allow it.
 */
async function openBus(options: BusOptions): Promise<Messaging | undefined> {
  const { timings, signal } = options
  const messaging = await connectMessaging(options).catch((error: unknown) => {
    if (signal.aborted) return undefined
    throw error
  })
  if (messaging === undefined) return undefined
  try {
    if (await awaitTopology(messaging, { timings, signal })) return messaging
  } catch (error) {
    await messaging.close()
    throw error
  }
  await messaging.close()
  return undefined
}
