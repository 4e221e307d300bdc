import { decodeTenantEvent } from '#contracts'
import {
  hasCode,
  mayExist,
  tenant,
  type TenantEvent,
  type TenantState,
  tenantStream,
} from '#domain'
import { type EventStore, type HandledCommand, openAggregate } from '#eventstore'
import type { RequestContext } from './routes/request.ts'
import { releaseAbandoned, type TenantQuota } from './release-abandoned.ts'

/** How many stores each tenant may have at the same time. */
export interface StoreQuota {
  /** False when this process knows of no request for the store; another process may have accepted one just now. */
  mayExist: (storeId: string, context: RequestContext) => Promise<boolean>
  /** Reserves a slot for a store; resolves to when, or to undefined for a store that was deleted. Throws QUOTA_EXCEEDED. */
  reserve: (storeId: string, context: RequestContext) => Promise<string | undefined>
}

interface StoreQuotaOptions {
  store: EventStore
  storesMax: number
  now: () => Date
  /** Tenants whose state is kept in memory. */
  tenantsMax?: number
}

export function storeQuota(options: StoreQuotaOptions): StoreQuota {
  const { store, storesMax, now } = options
  const quotaOf = newestTenants(options)
  return {
    mayExist: async (storeId, { tenantId }) =>
      mayExist(await quotaOf(tenantId).aggregate.load(), storeId),
    reserve: async (storeId, context) => {
      const quota = quotaOf(context.tenantId)
      const reserve = () => {
        const at = now().toISOString()
        // Two processes that reserve one slot at one time append the same event; at two times, the second finds the first.
        const commandId = `reserve:${storeId}:${at}`
        const command = { type: 'ReserveSlot', storeId, storesMax, now: at } as const
        return quota.aggregate.handle(command, { ...context, commandId })
      }
      const handled = await reserve().catch(async (error: unknown) => {
        if (!hasCode(error, 'QUOTA_EXCEEDED')) throw error
        if (!(await releaseAbandoned({ store, quota, now, context }))) throw error
        return reserve()
      })
      return reservedAt(handled, storeId)
    },
  }
}

function reservedAt(
  { events, state }: HandledCommand<TenantState, TenantEvent>,
  storeId: string,
): string | undefined {
  const [event] = events
  return event?.type === 'StoreSlotReserved' ? event.data.reservedAt : state.reserved.get(storeId)
}

/** The tenants that were used last; one that is not in memory is read again. */
function newestTenants({ store, tenantsMax = 1_000 }: StoreQuotaOptions) {
  const quotas = new Map<string, TenantQuota>()
  return (tenantId: string): TenantQuota => {
    const quota = quotas.get(tenantId) ?? openQuota(store, tenantId)
    quotas.delete(tenantId)
    quotas.set(tenantId, quota)
    if (quotas.size > tenantsMax) forgetOldest(quotas)
    return quota
  }
}

function openQuota(store: EventStore, tenantId: string): TenantQuota {
  const stream = tenantStream(tenantId)
  const aggregate = openAggregate({ store, decider: tenant, decode: decodeTenantEvent, stream })
  return { aggregate, existing: new Set() }
}

function forgetOldest(quotas: Map<string, TenantQuota>): void {
  for (const [tenantId, { aggregate }] of quotas)
    if (aggregate.isIdle()) {
      quotas.delete(tenantId)
      return
    }
}
