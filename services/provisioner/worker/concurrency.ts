import { createHash } from 'node:crypto'
import { within } from '#async'
import type { LimitsOf } from '#http'
import { type Messaging, openSemaphore, type Permit, type Semaphore } from '#messaging'
import type { WaitingTenant } from '#postgres'

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
  /** Of a tenant without a share of its own. */
  tenantPermitsMax: number | undefined
  /** The shares that are set for tenants. */
  limitsOf: LimitsOf
  leaseTtlMs: number
  renewEveryMs: number
}

const unlimited: Permit = { [Symbol.asyncDispose]: () => Promise.resolve() }

/** Semaphores in JetStream, where there is a limit. They spare the cluster and order nothing: claims and leases do. */
export function openGlobalConcurrency(
  messaging: Messaging,
  { permitsMax, tenantPermitsMax, limitsOf, ...timings }: GlobalConcurrencyOptions,
): GlobalConcurrency {
  let opened: Semaphore | undefined
  const semaphore = () => (opened ??= openSemaphore(messaging, timings))
  // Each process hears the others' permits from its start, where all of them have limits.
  if (permitsMax !== undefined || tenantPermitsMax !== undefined) semaphore()
  return {
    acquire: (signal) =>
      permitsMax === undefined
        ? Promise.resolve(unlimited)
        : semaphore().acquire({ name: 'all', permitsMax }, signal),
    tryAcquireFor: (tenantId) => {
      const ofTenant = limitsOf(tenantId).concurrency ?? tenantPermitsMax
      if (ofTenant === undefined) return Promise.resolve(unlimited)
      return semaphore().tryAcquire({ name: groupOf(tenantId), permitsMax: ofTenant })
    },
    close: () => opened?.close(),
  }
}

// A tenant's name may contain characters that a subject must not.
function groupOf(tenantId: string): string {
  return `tenant-${createHash('sha256').update(tenantId).digest('hex').slice(0, 32)}`
}

/** Whose turn it is while more stores wait than are worked on. */
export interface Turns {
  /** A waiting store whose tenant comes before this one; undefined: it is this one's turn, or nobody knows. */
  before: (tenantId: string) => Promise<string | undefined>
  /** Work for a store of the tenant begins now. */
  begin: (tenantId: string) => void
}

interface TurnsOptions {
  /** The tenants that wait, and this one. */
  listWaiting: (tenantId: string) => Promise<WaitingTenant[]>
  onError: (error: unknown) => void
}

const SERVED_MAX = 10_000
const ANSWER_MS = 500
const ASK_AGAIN_MS = 5_000
const PASS_OVER_MS = 2_000

/**
 * The tenant with the least in progress comes first; among equals, the one this process has served longest ago. It is
 * a hint from the read models: when they do not answer, messages are taken in their order.
 */
export function fairTurns({ listWaiting, onError }: TurnsOptions): Turns {
  let turn = 0
  let quietUntil = -Infinity
  const served = new Map<string, number>()
  const passedOver = new Map<string, number>()
  const isLeftOut = (tenantId: string) => (passedOver.get(tenantId) ?? 0) > performance.now()
  const ask = async (tenantId: string) => {
    if (performance.now() < quietUntil) return []
    try {
      return await within(listWaiting(tenantId), ANSWER_MS)
    } catch (error) {
      quietUntil = performance.now() + ASK_AGAIN_MS
      onError(error)
      return []
    }
  }
  return {
    before: async (tenantId) => {
      const waiting = await ask(tenantId)
      const mine = waiting.find((one) => one.tenantId === tenantId)?.busy ?? 0
      const since = (one: string) => served.get(one) ?? 0
      const isBefore = ({ tenantId: other, busy, storeId }: WaitingTenant) =>
        other !== tenantId &&
        storeId !== null &&
        !isLeftOut(other) &&
        (busy < mine || (busy === mine && since(other) < since(tenantId)))
      const [first] = waiting
        .filter(isBefore)
        .toSorted((a, b) => a.busy - b.busy || since(a.tenantId) - since(b.tenantId))
      if (first === undefined) return undefined
      // Until its work has begun: it may be all that it may have already, or another process has its store.
      passedOver.set(first.tenantId, performance.now() + PASS_OVER_MS)
      return first.storeId ?? undefined
    },
    begin: (tenantId) => {
      passedOver.delete(tenantId)
      served.delete(tenantId)
      served.set(tenantId, ++turn)
      const { value: oldest } = served.keys().next()
      if (served.size > SERVED_MAX && oldest !== undefined) served.delete(oldest)
    },
  }
}
