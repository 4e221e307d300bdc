import { setTimeout as wait } from 'node:timers/promises'
import { wake, type Messaging } from '#messaging'
import type { Logger } from '#observability'
import { listPendingStores, type Pool } from '#postgres'
import type { ProvisionerConfig } from './config.ts'
import type { ProvisionerMetrics } from './metrics.ts'

export interface SweepOptions {
  messaging: Messaging
  pool: Pool
  logger: Logger
  metrics: ProvisionerMetrics
  config: Pick<ProvisionerConfig, 'SWEEP_EVERY_MS' | 'SWEEP_OLDER_THAN_MS'>
  signal: AbortSignal
}

const STORES_MAX = 500

/** Rings the bell again for stores whose message was lost for good; what it cannot reach it only logs. */
export async function sweep(options: SweepOptions): Promise<void> {
  const { config, logger, signal } = options
  while (!signal.aborted) {
    const pauseMs = config.SWEEP_EVERY_MS * (0.5 + Math.random())
    await wait(pauseMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    try {
      await ringAgain(options)
    } catch (error) {
      logger.warn({ err: error }, 'The sweep could not look for forgotten stores')
    }
  }
}

async function ringAgain(options: SweepOptions): Promise<void> {
  const { messaging, pool, logger, config, metrics, signal } = options
  const { SWEEP_EVERY_MS: everyMs, SWEEP_OLDER_THAN_MS: olderThanMs } = config
  const forgotten = await listPendingStores(pool, { olderThanMs, limit: STORES_MAX })
  // All replicas' calls of one window count once.
  const window = Math.floor(Date.now() / everyMs)
  for (const storeId of forgotten) {
    if (signal.aborted) return
    await wake(messaging, storeId, `sweep:${storeId}:${window}`)
    metrics.swept.inc()
  }
  if (forgotten.length > 0)
    logger.info({ stores: forgotten.length }, 'Rang again for silent stores')
}
