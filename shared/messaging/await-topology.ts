import { setTimeout as wait } from 'node:timers/promises'
import { hasCode } from '#domain'
import type { Messaging } from './messaging.ts'
import { ensureTopology } from './ensure-topology.ts'
import type { WorkTimings } from './topology.ts'

const RETRY_MS = 1_000
// A server that has just joined its cluster may say for a moment that there is no JetStream.
const PATIENCE_MS = 3_000

export interface AwaitTopologyOptions {
  timings?: WorkTimings
  signal: AbortSignal
  /** How long NATS may refuse before this gives up, in milliseconds. */
  patienceMs?: number
}

/**
 * Makes the topology at the start of a service, however long NATS does not answer; false on abort.
 * Throws CONFIG_INVALID when the configuration of NATS does not allow it.
 */
export async function awaitTopology(
  messaging: Messaging,
  { timings, signal, patienceMs = PATIENCE_MS }: AwaitTopologyOptions,
): Promise<boolean> {
  let refusedAt: number | undefined
  while (!signal.aborted) {
    try {
      await ensureTopology(messaging, timings)
      return true
    } catch (err) {
      refusedAt = hasCode(err, 'CONFIG_INVALID') ? (refusedAt ?? performance.now()) : undefined
      if (refusedAt !== undefined && performance.now() - refusedAt >= patienceMs) throw err
      messaging.logger.warn({ err }, 'JetStream is not usable yet')
    }
    await wait(RETRY_MS, undefined, { signal }).catch(() => {})
  }
  return false
}
