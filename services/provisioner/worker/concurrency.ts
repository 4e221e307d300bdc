import { createHash } from 'node:crypto'
import { type Messaging, openSemaphore, type Permit } from '#messaging'

/** Limits how many of this process's stores may belong to one tenant. */
export interface TenantConcurrency {
  /** A permit for the tenant, or undefined when it holds as many as it may. Disposing releases it. */
  tryAcquire: (tenantId: string) => Disposable | undefined
}

/** Leaves room for other tenants: one with many stores does not occupy the whole process. */
export function limitTenants(permitsMax: number): TenantConcurrency {
  const held = new Map<string, number>()
  const change = (tenantId: string, by: number) => {
    const left = (held.get(tenantId) ?? 0) + by
    if (left > 0) held.set(tenantId, left)
    else held.delete(tenantId)
  }
  return {
    tryAcquire: (tenantId) => {
      if ((held.get(tenantId) ?? 0) >= permitsMax) return undefined
      change(tenantId, 1)
      return { [Symbol.dispose]: () => change(tenantId, -1) }
    },
  }
}

/** Limits how many stores all provisioners together work on. */
export interface GlobalConcurrency {
  /** Waits for a permit; undefined on abort. Disposing releases it. */
  acquire: (signal: AbortSignal) => Promise<Permit | undefined>
  /** A permit for the tenant, or undefined when it holds as many as it may, or when NATS does not answer. */
  tryAcquireFor: (tenantId: string) => Promise<Permit | undefined>
  close: () => void
}

interface GlobalConcurrencyOptions {
  /** Undefined: no limit. */
  permitsMax: number | undefined
  tenantPermitsMax: number | undefined
  leaseTtlMs: number
  renewEveryMs: number
}

const unlimited: Permit = { [Symbol.asyncDispose]: () => Promise.resolve() }

/** Semaphores in JetStream, where there is a limit. They spare the cluster and order nothing: claims and leases do. */
export function openGlobalConcurrency(
  messaging: Messaging,
  { permitsMax, tenantPermitsMax, ...timings }: GlobalConcurrencyOptions,
): GlobalConcurrency {
  if (permitsMax === undefined && tenantPermitsMax === undefined) return noLimit
  const semaphore = openSemaphore(messaging, timings)
  return {
    acquire: (signal) =>
      permitsMax === undefined
        ? noLimit.acquire(signal)
        : semaphore.acquire({ name: 'all', permitsMax }, signal),
    tryAcquireFor: (tenantId) =>
      tenantPermitsMax === undefined
        ? noLimit.tryAcquireFor(tenantId)
        : semaphore.tryAcquire({ name: groupOf(tenantId), permitsMax: tenantPermitsMax }),
    close: semaphore.close,
  }
}

const noLimit: GlobalConcurrency = {
  acquire: () => Promise.resolve(unlimited),
  tryAcquireFor: () => Promise.resolve(unlimited),
  close: () => {},
}

// A tenant's name may contain characters that a subject must not.
function groupOf(tenantId: string): string {
  return `tenant-${createHash('sha256').update(tenantId).digest('hex').slice(0, 32)}`
}
