import { createHash } from 'node:crypto'
import { type Messaging, openPlaces, type Place } from '#messaging'

/** How many slots of this process each tenant has. */
export interface TenantSlots {
  /** A slot for the tenant, or undefined when it has as many as one may. Disposing gives it back. */
  take: (tenantId: string) => Disposable | undefined
}

/** Leaves room for others: one tenant with many stores does not hold every slot. */
export function tenantSlots(slotsMax: number): TenantSlots {
  const taken = new Map<string, number>()
  const change = (tenantId: string, by: number) => {
    const left = (taken.get(tenantId) ?? 0) + by
    if (left > 0) taken.set(tenantId, left)
    else taken.delete(tenantId)
  }
  return {
    take: (tenantId) => {
      if ((taken.get(tenantId) ?? 0) >= slotsMax) return undefined
      change(tenantId, 1)
      return { [Symbol.dispose]: () => change(tenantId, -1) }
    },
  }
}

/** How many stores all provisioners together may work on. */
export interface ClusterSlots {
  /** Waits for one of the slots of all; undefined on abort. Disposing gives it back. */
  take: (signal: AbortSignal) => Promise<Place | undefined>
  /** One of the tenant's slots, or undefined when it has as many as one may, or nobody can tell. */
  takeFor: (tenantId: string) => Promise<Place | undefined>
  close: () => void
}

interface ClusterSlotsOptions {
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
