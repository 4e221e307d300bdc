import type { EventStore } from '#eventstore'
import type { Leases } from '#messaging'
import type { Logger } from '#observability'
import type { ProvisionerMetrics } from '../metrics.ts'
import type { Driver } from '../reconcile/driver.ts'
import type { ClusterSlots, TenantSlots } from './concurrency.ts'

/** What every slot of a provisioner works with. */
export interface Worker {
  workerId: string
  eventStore: EventStore
  leases: Leases
  driver: Driver
  logger: Logger
  metrics: ProvisionerMetrics
  chartsDir: string
  storesDomain: string
  retryDelaysMs: readonly number[]
  renewEveryMs: number
  lostAfterMs: number
  /** How long a result is held for a log that is out of reach. */
  resultPatienceMs: number
  /** ISO 8601 UTC; for what is stored, never for leases. */
  now: () => string
  /** Aborted when the process is to end and its time for running helm is over. */
  stopping: AbortSignal
  tenantSlots: TenantSlots
  clusterSlots: ClusterSlots
  /** Claims of this process whose work is known to have ended without a result. */
  ended: EndedClaims
}

export interface EndedClaims {
  add: (claimId: string) => void
  has: (claimId: string) => boolean
}

const ENDED_MAX = 10_000

/** Remembers the newest ended claims; one that is forgotten is waited for as any other. */
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
