import { createHash } from 'node:crypto'
import { openPlaces, type Messaging, type Place } from '#messaging'

/** How many stores all provisioners together may work on. */
export interface ClusterSlots {
  /** Waits for one of the slots of all; undefined on abort. Disposing gives it back. */
  take: (signal: AbortSignal) => Promise<Place | undefined>
  /** One of the tenant's slots, or undefined when it has as many as one may, or nobody can tell. */
  takeFor: (tenantId: string) => Promise<Place | undefined>
  close: () => void
}

export interface ClusterSlotsOptions {
  /** Undefined: no limit. */
  slotsMax: number | undefined
  tenantSlotsMax: number | undefined
  leaseTtlMs: number
  renewEveryMs: number
}

const unlimited: Place = { [Symbol.asyncDispose]: () => Promise.resolve() }

/** Places in JetStream, where there is a limit. It spares the cluster and orders nothing: claims and leases do. */
export function openClusterSlots(messaging: Messaging, options: ClusterSlotsOptions): ClusterSlots {
  const { slotsMax, tenantSlotsMax, ...timings } = options
  if (slotsMax === undefined && tenantSlotsMax === undefined) return noLimit
  const places = openPlaces(messaging, timings)
  return {
    take: (signal) =>
      slotsMax === undefined
        ? noLimit.take(signal)
        : places.take({ name: 'all', placesMax: slotsMax }, signal),
    takeFor: (tenantId) =>
      tenantSlotsMax === undefined
        ? noLimit.takeFor(tenantId)
        : places.tryTake({ name: groupOf(tenantId), placesMax: tenantSlotsMax }),
    close: places.close,
  }
}

const noLimit: ClusterSlots = {
  take: () => Promise.resolve(unlimited),
  takeFor: () => Promise.resolve(unlimited),
  close: () => {},
}

// A tenant's name may hold what a subject must not.
function groupOf(tenantId: string): string {
  return `tenant-${createHash('sha256').update(tenantId).digest('hex').slice(0, 32)}`
}
