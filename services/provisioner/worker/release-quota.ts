import { decodeTenantEvent } from '#contracts'
import {
  tenant,
  type TenantCommand,
  type TenantEvent,
  type TenantState,
  tenantStream,
} from '#domain'
import { type Aggregate, type CommandContext, type EventStore, openAggregate } from '#eventstore'

/** The quotas of the tenants whose stores are deleted here. */
export interface Quotas {
  /** Releases the slot of a deleted store; doing it again changes nothing. */
  release: (slot: { storeId: string; now: string }, context: CommandContext) => Promise<void>
}

type Tenant = Aggregate<TenantState, TenantCommand, TenantEvent>

const TENANTS_MAX = 100

/** Keeps the newest tenants in memory: a tenant that deletes many stores has a long stream, and it is folded once. */
export function openQuotas(store: EventStore): Quotas {
  const tenants = new Map<string, Tenant>()
  const tenantOf = (tenantId: string): Tenant => {
    const stream = tenantStream(tenantId)
    const found =
      tenants.get(tenantId) ??
      openAggregate({ store, decider: tenant, decode: decodeTenantEvent, stream })
    tenants.delete(tenantId)
    tenants.set(tenantId, found)
    const { value: oldest } = tenants.keys().next()
    if (tenants.size > TENANTS_MAX && oldest !== undefined) tenants.delete(oldest)
    return found
  }
  return {
    release: async ({ storeId, now }, context) => {
      const command = { type: 'ReleaseSlot', storeId, reason: 'deleted', now } as const
      await tenantOf(context.tenantId).handle(command, context)
    },
  }
}
