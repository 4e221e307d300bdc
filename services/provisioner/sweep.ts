import { setTimeout as wait } from 'node:timers/promises'
import { type Leases, type Messaging, notify } from '#messaging'
import type { Logger } from '#observability'
import { listPendingStores, type Pool } from '#postgres'
import type { ProvisionerConfig } from './config.ts'
import type { ProvisionerMetrics } from './metrics.ts'

export interface SweepOptions {
  messaging: Messaging
  leases: Pick<Leases, 'isWorkedOn'>
  pool: Pool
  logger: Logger
  metrics: ProvisionerMetrics
  config: Pick<ProvisionerConfig, 'SWEEP_EVERY_MS' | 'SWEEP_OLDER_THAN_MS'>
  signal: AbortSignal
}

const STORES_MAX = 500

/** Notifies the provisioners of stores whose message was lost; errors are logged and tried again. */
export async function sweep(options: SweepOptions): Promise<void> {
  const { config, logger, signal } = options
  while (!signal.aborted) {
    const pauseMs = config.SWEEP_EVERY_MS * (0.5 + Math.random())
    await wait(pauseMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    try {
      await notifyForgotten(options)
    } catch (error) {
      logger.warn({ err: error }, 'The sweep failed')
    }
  }
}

async function notifyForgotten(options: SweepOptions): Promise<void> {
  const { messaging, leases, pool, logger, config, metrics, signal } = options
  const { SWEEP_EVERY_MS: everyMs, SWEEP_OLDER_THAN_MS: olderThanMs } = config
  const silent = await listPendingStores(pool, { olderThanMs, limit: STORES_MAX })
  // A run of helm may take minutes in which nothing is stored.
  const forgotten = silent.filter((storeId) => !leases.isWorkedOn(storeId))
  // Notifications of all replicas in one window count once.
  const window = Math.floor(Date.now() / everyMs)
  for (const storeId of forgotten) {
    if (signal.aborted) return
    await notify(messaging, storeId, `sweep:${storeId}:${window}`)
    metrics.swept.inc()
  }
  if (forgotten.length > 0)
    logger.info({ stores: forgotten.length }, 'Notified the provisioners of silent stores')
}
