import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { openEventStore } from '#eventstore'
import { buildServer, closeWithin } from '#http'
import { connectMessaging, ensureTopology, openLeases, type Messaging } from '#messaging'
import { createLogger, type Logger } from '#observability'
import { openPool } from '#postgres'
import type { ProvisionerConfig } from './config.ts'
import { openHelm } from './helm/helm.ts'
import { openWorkFolder } from './helm/work-folder.ts'
import { runProvisioner } from './provisioner.ts'
import { openRenderDriver } from './render/render-driver.ts'
import { sweep } from './sweep.ts'
import { endedClaims, type Worker } from './work/worker.ts'

/**
 * Starts a provisioner: it listens at once, and takes work when NATS answers. Throws HELM_MISSING.
 * `close` lets helm end within the grace time, and settles when nothing of it runs any more.
 */
export async function start(
  config: ProvisionerConfig,
): Promise<{ url: string; close: () => Promise<void> }> {
  const logger = createLogger({ service: 'provisioner', level: config.LOG_LEVEL })
  const folder = await openWorkFolder()
  const helm = openHelm({
    executable: config.HELM_BIN,
    workDir: folder.path,
    limitMs: config.HELM_LIMIT_MS,
    killAfterMs: config.HELM_KILL_AFTER_MS,
    heartbeatTimeoutMs: config.HEARTBEAT_TIMEOUT_MS,
  })
  const version = await helm.checkVersion()
  const releasesDir = resolve(config.RELEASES_DIR)
  await mkdir(releasesDir, { recursive: true })
  const chartsDir = resolve(config.CHARTS_DIR)
  const driver = await openRenderDriver({ helm, chartsDir, releasesDir })
  logger.info({ helm: version, workerId: config.WORKER_ID, releasesDir }, 'Helm is usable')

  const eventStore = openEventStore({ connectionString: config.EVENTSTORE_URL, logger })
  const pool = openPool({ url: config.DATABASE_URL, logger, max: 2 })
  const draining = new AbortController()
  const stopping = new AbortController()
  let messaging: Messaging | undefined

  const run = async () => {
    messaging = await connectedMessaging(config, logger, draining.signal)
    if (messaging === undefined) return
    const timings = { ackWaitMs: config.ACK_WAIT_MS, leaseTtlMs: config.LEASE_TTL_MS }
    const leases = openLeases(messaging, timings)
    const worker: Worker = {
      workerId: config.WORKER_ID,
      eventStore,
      leases,
      driver,
      logger,
      chartsDir,
      storesDomain: config.STORES_DOMAIN,
      retryDelaysMs: config.RETRY_DELAYS_MS,
      renewEveryMs: config.LEASE_RENEW_MS,
      lostAfterMs: config.LEASE_LOST_MS,
      resultPatienceMs: config.RESULT_PATIENCE_MS,
      now: () => new Date().toISOString(),
      stopping: stopping.signal,
      ended: endedClaims(),
    }
    const { SWEEP_EVERY_MS: everyMs, SWEEP_OLDER_THAN_MS: olderThanMs, SLOTS: slots } = config
    const { signal } = draining
    await Promise.all([
      runProvisioner({ messaging, worker, slots, draining: signal }),
      sweep({ messaging, pool, logger, everyMs, olderThanMs, signal }),
    ])
    leases.close()
  }
  const running = run()

  const checks = {
    eventStore: () => eventStore.ping(1_500),
    nats: async () => {
      if (messaging === undefined) throw new Error('NATS has not answered yet')
      await messaging.ping(1_500)
    },
  }
  const server = buildServer({ service: 'provisioner', logger, checks })
  const url = await server.listen({ host: config.HOST, port: config.PORT })
  logger.info({ url }, 'listening')
  return {
    url,
    close: async () => {
      draining.abort()
      const outOfTime = setTimeout(() => stopping.abort(), config.SHUTDOWN_GRACE_MS)
      await running
      clearTimeout(outOfTime)
      await closeWithin(server)
      await messaging?.close()
      await Promise.all([eventStore.close(), pool.end(), folder[Symbol.asyncDispose]()])
    },
  }
}

const TOPOLOGY_AGAIN_MS = 1_000

async function connectedMessaging(
  config: ProvisionerConfig,
  logger: Logger,
  signal: AbortSignal,
): Promise<Messaging | undefined> {
  try {
    const options = {
      url: config.NATS_URL,
      name: `provisioner ${config.WORKER_ID}`,
      logger,
      signal,
    }
    const messaging = await connectMessaging(options)
    const timings = { ackWaitMs: config.ACK_WAIT_MS, leaseTtlMs: config.LEASE_TTL_MS }
    while (!signal.aborted) {
      try {
        await ensureTopology(messaging, timings)
        break
      } catch (err) {
        logger.warn({ err }, 'JetStream does not answer yet')
        await wait(TOPOLOGY_AGAIN_MS, undefined, { signal }).catch(() => {})
      }
    }
    return messaging
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  }
}
