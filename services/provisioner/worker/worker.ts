import type { CommandContext, EventStore } from '#eventstore'
import type { Leases } from '#messaging'
import type { limitLines, Logger } from '#observability'
import type { LeaseTimes } from '../config.ts'
import type { Installation } from '../installation.ts'
import type { ProvisionerMetrics } from '../metrics.ts'
import type { Driver } from '../reconcile/driver.ts'
import type { GlobalConcurrency, TenantConcurrency, Turns } from './concurrency.ts'
import type { Cause } from './load-store.ts'
import type { Quotas } from './release-quota.ts'

/** What the handling of a message works with. */
export interface Worker {
  workerId: string
  eventStore: EventStore
  quotas: Quotas
  leases: Leases
  driver: Driver
  logger: Logger
  /** For lines that an outage would repeat for every message. */
  limited: ReturnType<typeof limitLines>
  metrics: ProvisionerMetrics
  chartsDir: string
  installation: Installation
  retryDelaysMs: readonly number[]
  lease: Pick<LeaseTimes, 'renewEveryMs' | 'lostAfterMs'>
  /** How long a result is retried while the event store is unavailable. */
  resultRetryMs: number
  /** ISO 8601 UTC; for what is stored, never for leases. */
  now: () => string
  /** Aborted when the process must end and its time for helm is over. */
  stopping: AbortSignal
  tenantConcurrency: TenantConcurrency
  globalConcurrency: GlobalConcurrency
  turns: Turns
  /** Claims of this process whose work is known to have ended without a result. */
  ended: EndedClaims
}

/** Who acts, and in answer to what. */
export function contextOf(worker: Worker, cause: Cause, commandId: string): CommandContext {
  const { eventId: causationId, ...traced } = cause
  return { commandId, causationId, actor: `worker:${worker.workerId}`, ...traced }
}

export interface EndedClaims {
  add: (claimId: string) => void
  has: (claimId: string) => boolean
}

const ENDED_MAX = 10_000

/** Remembers the newest ended claims; a forgotten one is waited for like any other. */
export function endedClaims(): EndedClaims {
  const claims = new Set<string>()
  return {
    add: (claimId) => {
      claims.add(claimId)
      const { value: oldest } = claims.values().next()
      if (claims.size > ENDED_MAX && oldest !== undefined) claims.delete(oldest)
    },
    has: (claimId) => claims.has(claimId),
  }
}
