import { decodeTenantEvent, isNamed, matches, type Preconditions } from '#contracts'
import {
  AppError,
  hasCode,
  isAbandoned,
  mayExist,
  type Plan,
  storeStream,
  tenant,
  type TenantCommand,
  type TenantEvent,
  type TenantLimits,
  type TenantSettings,
  type TenantState,
  tenantStream,
} from '#domain'
import { type Aggregate, type EventStore, type HandledCommand, openAggregate } from '#eventstore'
import { randomUUID } from 'node:crypto'
import type { RequestContext } from './routes/request.ts'

/** What each tenant may: how many stores at the same time, of each plan too, and whether it may change anything. */
export interface StoreQuota {
  /** Reads what is not in memory of the tenant: after years that may take longer than a command should. */
  load: (context: RequestContext) => Promise<unknown>
  /** False when this process knows of no request for the store; another process may have accepted one just now. */
  mayExist: (storeId: string, context: RequestContext) => Promise<boolean>
  /**
   * Reserves a slot for a store; resolves to the slot there is then, undefined for a store that was deleted. Throws
   * QUOTA_EXCEEDED, TENANT_SUSPENDED.
   */
  reserve: (
    storeId: string,
    context: RequestContext,
    options?: { plan?: Plan | undefined; signal?: AbortSignal | undefined },
  ) => Promise<Slot | undefined>
  /** Throws TENANT_SUSPENDED. */
  admit: (context: RequestContext, signal?: AbortSignal) => Promise<void>
  /** Throws TENANT_SUSPENDED; with a plan, the store's slot counts for that plan from now on. Throws QUOTA_EXCEEDED. */
  admitChange: (
    change: { storeId: string; plan?: Plan | undefined },
    context: RequestContext,
    signal?: AbortSignal,
  ) => Promise<void>
  /** Sets what the context's tenant may. Throws PRECONDITION_FAILED. */
  setTenant: (
    wanted: WantedSettings,
    context: RequestContext,
    signal?: AbortSignal,
  ) => Promise<SetSettings>
}

interface Slot {
  reservedAt: string
  plan?: Plan | undefined
}

interface WantedSettings {
  limits: TenantLimits
  suspended: boolean
  preconditions: Preconditions
}

interface SetSettings {
  settings: TenantSettings
  /** Undefined when it was so already, and this process has not read where. */
  position: bigint | undefined
}

interface TenantQuota {
  aggregate: Aggregate<TenantState, TenantCommand, TenantEvent>
  /** Stores with a slot that are known to exist. */
  existing: Set<string>
}

interface StoreQuotaOptions {
  store: EventStore
  /** Stores of a tenant without a limit of its own. */
  storesMax: number
  now: () => Date
  /** Tenants whose state is kept in memory. */
  tenantsMax?: number
}

export function storeQuota(options: StoreQuotaOptions): StoreQuota {
  const { store, storesMax, now } = options
  const quotaOf = newestTenants(options)
  return {
    load: ({ tenantId }) => quotaOf(tenantId).aggregate.load(),
    mayExist: async (storeId, { tenantId }) =>
      mayExist(await quotaOf(tenantId).aggregate.load(), storeId),
    reserve: async (storeId, context, { plan, signal } = {}) => {
      const quota = quotaOf(context.tenantId)
      const reserve = () => {
        const at = now().toISOString()
        // Two processes that reserve one slot at one time append the same event; at two times, the second finds the first.
        const commandId = `reserve:${storeId}:${plan ?? ''}:${at}`
        const ofPlan = plan === undefined ? {} : { plan }
        const command = { type: 'ReserveSlot', storeId, storesMax, now: at, ...ofPlan } as const
        return quota.aggregate.handle(command, { ...context, commandId }, { signal })
      }
      const handled = await reserve().catch(async (error: unknown) => {
        if (!hasCode(error, 'QUOTA_EXCEEDED')) throw error
        if (!(await releaseAbandoned({ store, quota, now, context, signal }))) throw error
        return reserve()
      })
      return slotOf(handled, storeId)
    },
    admit: async (context, signal) => {
      const { aggregate } = quotaOf(context.tenantId)
      const commandId = randomUUID()
      await aggregate.handle({ type: 'AdmitChange' }, { ...context, commandId }, { signal })
    },
    admitChange: async ({ storeId, plan }, context, signal) => {
      const command: TenantCommand =
        plan === undefined
          ? { type: 'AdmitChange' }
          : { type: 'ChangeSlotPlan', storeId, plan, now: now().toISOString() }
      const { aggregate } = quotaOf(context.tenantId)
      await aggregate.handle(command, { ...context, commandId: randomUUID() }, { signal })
    },
    setTenant: async ({ preconditions, ...wanted }, context, signal) => {
      const command = { type: 'SetTenant', ...wanted, now: now().toISOString() } as const
      const { aggregate } = quotaOf(context.tenantId)
      const { state, position } = await aggregate.handle(
        command,
        { ...context, commandId: randomUUID() },
        {
          signal,
          precondition: ({ state: { settings } }) => requireVersion(preconditions, settings),
        },
      )
      return { settings: state.settings, position }
    },
  }
}

function requireVersion(preconditions: Preconditions, { version }: TenantSettings): void {
  const etag = `"${version}"`
  if (matches(preconditions, etag) && !isNamed(preconditions, etag)) return
  throw new AppError('PRECONDITION_FAILED', 'The tenant is not as the request expects it')
}

function slotOf(
  { events, state }: HandledCommand<TenantState, TenantEvent>,
  storeId: string,
): Slot | undefined {
  const [event] = events
  return event?.type === 'StoreSlotReserved' ? event.data : state.reserved.get(storeId)
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

const STORES_READ_MAX = 20

interface ReleaseOptions {
  store: EventStore
  quota: TenantQuota
  now: () => Date
  context: RequestContext
  signal: AbortSignal | undefined
}

/**
 * Releases slots whose process died before it stored the store. Reads a bounded number of stores, the oldest slots
 * first; true when a slot was released.
 */
async function releaseAbandoned(options: ReleaseOptions): Promise<boolean> {
  const { store, quota, now, context, signal } = options
  const at = now().toISOString()
  const { reserved } = await quota.aggregate.load()
  const released = await Promise.all(
    candidates(quota, reserved, at).map(async ([storeId, reservedAt]) => {
      if (await exists(store, storeId)) {
        quota.existing.add(storeId)
        return false
      }
      const command = { type: 'ReleaseSlot', storeId, reason: 'abandoned', now: at } as const
      const commandId = `release:${storeId}:${reservedAt}`
      const identified = { ...context, commandId }
      const { events } = await quota.aggregate.handle(command, identified, { signal })
      return events.length > 0
    }),
  )
  return released.includes(true)
}

function candidates(
  { existing }: TenantQuota,
  reserved: TenantState['reserved'],
  now: string,
): [string, string][] {
  for (const storeId of existing) if (!reserved.has(storeId)) existing.delete(storeId)
  return [...reserved]
    .filter(([storeId, slot]) => !existing.has(storeId) && isAbandoned(slot.reservedAt, now))
    .map(([storeId, slot]): [string, string] => [storeId, slot.reservedAt])
    .slice(0, STORES_READ_MAX)
}

async function exists(store: EventStore, storeId: string): Promise<boolean> {
  for await (const _ of store.readStream(storeStream(storeId), { maxCount: 1 })) return true
  return false
}
