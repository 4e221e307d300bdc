import { hasCode } from '#domain'
import type { EventStore } from '#eventstore'
import { releaseAbandoned } from './release-abandoned.ts'
import { tenantQueue, type TenantQueue } from './tenant-writer.ts'

/** What events say of the request that caused them. */
export interface Context {
  correlationId: string
  actor: string
  traceparent?: string
}

export interface Asking {
  tenantId: string
  context: Context
}

interface Slot {
  reservedAt: string
  /** False when an earlier request reserved it. */
  isNew: boolean
}

/** The places for stores that tenants have. */
export interface Slots {
  /** True when a slot was ever reserved for the store; as far as this process knows, unless asked for a fresh look. */
  knows: (tenantId: string, storeId: string, options?: { fresh: boolean }) => Promise<boolean>
  /** Reserves a slot once; a known store keeps the one it had. Throws QUOTA_EXCEEDED. */
  reserve: (storeId: string, asking: Asking) => Promise<Slot>
}

interface Dependencies {
  store: EventStore
  storesMax: number
  now: () => Date
  /** Tenants whose state is kept in memory. */
  tenantsMax?: number
}

export function tenantSlots(dependencies: Dependencies): Slots {
  const { store, storesMax, now, tenantsMax = 1_000 } = dependencies
  const queues = new Map<string, TenantQueue>()
  const queueOf = (tenantId: string): TenantQueue => {
    const queue = queues.get(tenantId) ?? tenantQueue(store, tenantId)
    queues.delete(tenantId)
    queues.set(tenantId, queue)
    forgetOldest(queues, tenantsMax)
    return queue
  }
  return {
    knows: async (tenantId, storeId, { fresh } = { fresh: false }) => {
      const queue = queueOf(tenantId)
      if (fresh || !queue.isLoaded()) await queue.refresh()
      return queue.state.known.has(storeId)
    },
    reserve: async (storeId, { tenantId, context }) => {
      const queue = queueOf(tenantId)
      const command = () =>
        ({ type: 'ReserveSlot', storeId, storesMax, now: now().toISOString() }) as const
      const events = await queue.handle(command(), context).catch(async (error: unknown) => {
        if (!hasCode(error, 'QUOTA_EXCEEDED')) throw error
        if (!(await releaseAbandoned({ store, queue, now, context }))) throw error
        return queue.handle(command(), context)
      })
      const reservedAt = queue.state.known.get(storeId)
      if (reservedAt === undefined) throw new Error(`The slot of ${storeId} is not known`)
      return { reservedAt, isNew: events.length > 0 }
    },
  }
}

function forgetOldest(queues: Map<string, TenantQueue>, tenantsMax: number): void {
  if (queues.size <= tenantsMax) return
  for (const [tenantId, queue] of queues)
    if (queue.isIdle()) {
      queues.delete(tenantId)
      return
    }
}
