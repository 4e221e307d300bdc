import { AppError } from './app-error.ts'
import type { Decider } from './decider.ts'
import type { Plan } from './store/events.ts'
import {
  nothingSet,
  type SetTenant,
  settingsAfter,
  settingsSet,
  type TenantSettingEvent,
  type TenantSettings,
} from './tenant-settings.ts'

/** The stored events of a tenant's stream: which stores count against its quotas, and what it may. */
export type TenantEvent =
  | TenantSettingEvent
  | { type: 'StoreSlotReserved'; data: { storeId: string; plan?: Plan; reservedAt: string } }
  | { type: 'StoreSlotPlanChanged'; data: { storeId: string; plan: Plan; changedAt: string } }
  | { type: 'StoreSlotReleased'; data: StoreSlotReleased }

export const slotReleaseReasons = ['deleted', 'abandoned'] as const

interface StoreSlotReleased {
  storeId: string
  /** The store was deleted, or the process that reserved the slot died before it stored the store. */
  reason: (typeof slotReleaseReasons)[number]
  releasedAt: string
}

interface SlotCommand {
  storeId: string
  now: string
}

export type TenantCommand =
  /** `storesMax` is for a tenant without a limit of its own. */
  | ({ type: 'ReserveSlot'; plan?: Plan; storesMax: number } & SlotCommand)
  | ({ type: 'ChangeSlotPlan'; plan: Plan } & SlotCommand)
  | ({ type: 'ReleaseSlot'; reason: StoreSlotReleased['reason'] } & SlotCommand)
  /** Causes nothing; refused while the tenant may change nothing. */
  | { type: 'AdmitChange' }
  | SetTenant

interface Slot {
  reservedAt: string
  /** Unknown for a slot that was reserved before plans had quotas. */
  plan?: Plan | undefined
}

export interface TenantState {
  /** By store id, the oldest first. */
  reserved: Map<string, Slot>
  /** The stores that were deleted last: a repeated request must not reserve a slot for them again. */
  deleted: Set<string>
  /** True when more stores were deleted than `deleted` holds. */
  forgotten: boolean
  settings: TenantSettings
}

export const tenant: Decider<TenantState, TenantCommand, TenantEvent> = {
  initialState: () => ({
    reserved: new Map(),
    deleted: new Set(),
    forgotten: false,
    settings: nothingSet,
  }),
  decide,
  evolve,
  copy: (state) => ({
    ...state,
    reserved: new Map(state.reserved),
    deleted: new Set(state.deleted),
  }),
}

/** The stream of a tenant. */
export const tenantStream = (tenantId: string): string => tenantStreamPrefix + tenantId

const tenantStreamPrefix = 'tenant-'
const streamForm = /^tenant-([A-Za-z0-9][\w.-]{0,63})$/

/** Whose stream it is; undefined for a stream that is no tenant's. */
export const tenantIdOfStream = (stream: string): string | undefined => streamForm.exec(stream)?.[1]

const ABANDONED_AFTER_MS = 10 * 60_000
// Far enough from the other that clocks may differ by minutes, and that a request stores its store in between.
const RENEWED_AFTER_MS = 5 * 60_000

const DELETED_MAX = 10_000

/** False when no request for the store can have been accepted, as far as the tenant's stream was read. */
export const mayExist = ({ reserved, deleted, forgotten }: TenantState, storeId: string): boolean =>
  forgotten || reserved.has(storeId) || deleted.has(storeId)

/** A slot of this age without a store belongs to a process that died. */
export const isAbandoned = (reservedAt: string, now: string): boolean =>
  ageMs(reservedAt, now) >= ABANDONED_AFTER_MS

const ageMs = (reservedAt: string, now: string): number => Date.parse(now) - Date.parse(reservedAt)

/**
 * A slot is reserved for a store that does not exist yet, and none for one that was deleted. A repetition gets the slot of the first request; it renews
 * an old one, so that nobody releases as abandoned what is about to be used.
 */
function decide(state: TenantState, command: TenantCommand): TenantEvent[] {
  switch (command.type) {
    case 'ReserveSlot': {
      const { storeId, plan, now } = command
      const slot = state.reserved.get(storeId)
      if (state.deleted.has(storeId)) return []
      if (slot !== undefined && ageMs(slot.reservedAt, now) < RENEWED_AFTER_MS) return []
      if (slot === undefined) refuseBeyondLimits(state, command)
      // An upgrade may have changed the plan that the first request had.
      const kept = slot?.plan ?? plan
      return [
        {
          type: 'StoreSlotReserved',
          data: { storeId, ...(kept && { plan: kept }), reservedAt: now },
        },
      ]
    }
    case 'ChangeSlotPlan': {
      const { storeId, plan, now } = command
      const slot = state.reserved.get(storeId)
      refuseSuspended(state)
      if (slot === undefined || slot.plan === plan) return []
      refuseBeyondPlan(state, plan)
      return [{ type: 'StoreSlotPlanChanged', data: { storeId, plan, changedAt: now } }]
    }
    case 'ReleaseSlot': {
      const { storeId, reason, now } = command
      const slot = state.reserved.get(storeId)
      if (slot === undefined) return []
      if (reason === 'abandoned' && !isAbandoned(slot.reservedAt, now)) return []
      return [{ type: 'StoreSlotReleased', data: { storeId, reason, releasedAt: now } }]
    }
    case 'AdmitChange':
      refuseSuspended(state)
      return []
    case 'SetTenant':
      return settingsSet(state.settings, command)
  }
}

function refuseBeyondLimits(
  state: TenantState,
  { plan, storesMax: byDefault }: { plan?: Plan; storesMax: number },
): void {
  refuseSuspended(state)
  const storesMax = state.settings.limits.stores ?? byDefault
  if (state.reserved.size >= storesMax)
    throw new AppError('QUOTA_EXCEEDED', `Store quota reached: ${storesMax} stores`, {
      details: {
        storesMax,
        nextAction: 'Delete a store, or have the quota of stores raised by an operator',
      },
    })
  if (plan !== undefined) refuseBeyondPlan(state, plan)
}

function refuseBeyondPlan({ settings, reserved }: TenantState, plan: Plan): void {
  const planMax = settings.limits.plans?.[plan]
  if (planMax === undefined) return
  const held = [...reserved.values()].filter((slot) => slot.plan === plan).length
  if (held < planMax) return
  throw new AppError('QUOTA_EXCEEDED', `Store quota reached: ${planMax} stores of plan ${plan}`, {
    details: {
      plan,
      planMax,
      nextAction: `Choose another plan, delete a store of plan ${plan}, or have its quota raised by an operator`,
    },
  })
}

function refuseSuspended({ settings }: TenantState): void {
  if (!settings.suspended) return
  throw new AppError(
    'TENANT_SUSPENDED',
    'The tenant is suspended: it may read and change nothing',
    {
      details: { nextAction: 'Ask the operators of the installation to resume the tenant' },
    },
  )
}

/** Changes the slots in place: a tenant may have many thousand stores. */
function evolve(state: TenantState, event: TenantEvent): TenantState {
  switch (event.type) {
    case 'StoreSlotReserved': {
      const { storeId, plan, reservedAt } = event.data
      state.reserved.delete(storeId)
      state.reserved.set(storeId, { reservedAt, plan })
      return state
    }
    case 'StoreSlotPlanChanged': {
      const { storeId, plan } = event.data
      const slot = state.reserved.get(storeId)
      if (slot !== undefined) state.reserved.set(storeId, { ...slot, plan })
      return state
    }
    case 'StoreSlotReleased': {
      const { storeId, reason } = event.data
      state.reserved.delete(storeId)
      if (reason === 'deleted') rememberDeleted(state, storeId)
      return state
    }
    case 'TenantLimitsSet':
    case 'TenantSuspended':
    case 'TenantResumed':
      return { ...state, settings: settingsAfter(state.settings, event) }
  }
}

function rememberDeleted(state: TenantState, storeId: string): void {
  state.deleted.add(storeId)
  const { value: oldest } = state.deleted.values().next()
  if (state.deleted.size <= DELETED_MAX || oldest === undefined) return
  state.deleted.delete(oldest)
  state.forgotten = true
}
