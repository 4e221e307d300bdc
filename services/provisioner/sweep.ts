import { setTimeout as wait } from 'node:timers/promises'
import { wake, type Messaging } from '#messaging'
import type { Logger } from '#observability'
import { listPendingStores, type Pool } from '#postgres'

export interface SweepOptions {
  messaging: Messaging
  pool: Pool
  logger: Logger
  everyMs: number
  /** A store with work to be done that has been silent for so long is rung for again. */
  olderThanMs: number
  signal: AbortSignal
}

const STORES_MAX = 500

/** Rings the bell again for stores whose message was lost for good; what it cannot reach it only logs. */
export async function sweep(options: SweepOptions): Promise<void> {
  const { everyMs, logger, signal } = options
  while (!signal.aborted) {
    const pauseMs = everyMs * (0.5 + Math.random())
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
  const { messaging, pool, logger, everyMs, olderThanMs, signal } = options
  const forgotten = await listPendingStores(pool, { olderThanMs, limit: STORES_MAX })
  // All replicas' calls of one window count once.
  const window = Math.floor(Date.now() / everyMs)
  for (const storeId of forgotten) {
    if (signal.aborted) return
    await wake(messaging, storeId, `sweep:${storeId}:${window}`)
  }
  if (forgotten.length > 0)
    logger.info({ stores: forgotten.length }, 'Rang again for silent stores')
}
