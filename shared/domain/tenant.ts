import { AppError } from './app-error.ts'
import type { Decider } from './decider.ts'

/** The stored events of a tenant's stream: which stores count against its quota. */
export type TenantEvent =
  | { type: 'StoreSlotReserved'; data: { storeId: string; reservedAt: string } }
  | { type: 'StoreSlotReleased'; data: StoreSlotReleased }

export const slotReleaseReasons = ['deleted', 'abandoned'] as const

interface StoreSlotReleased {
  storeId: string
  /** The store was deleted, or the process that reserved the slot died before it stored the store. */
  reason: (typeof slotReleaseReasons)[number]
  releasedAt: string
}

export type TenantCommand =
  | { type: 'ReserveSlot'; storeId: string; storesMax: number; now: string }
  | { type: 'ReleaseSlot'; storeId: string; reason: StoreSlotReleased['reason']; now: string }

export interface TenantState {
  /** Store id → when its slot was reserved, the oldest first. */
  reserved: Map<string, string>
  /** The stores that were deleted last: a repeated request must not reserve a slot for them again. */
  deleted: Set<string>
  /** True when more stores were deleted than `deleted` holds. */
  forgotten: boolean
}

export const tenant: Decider<TenantState, TenantCommand, TenantEvent> = {
  initialState: () => ({ reserved: new Map(), deleted: new Set(), forgotten: false }),
  decide,
  evolve,
  copy: (state) => ({
    ...state,
    reserved: new Map(state.reserved),
    deleted: new Set(state.deleted),
  }),
}

/** The stream of a tenant. */
export const tenantStream = (tenantId: string): string => `tenant-${tenantId}`

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
  const { storeId, now } = command
  const reservedAt = state.reserved.get(storeId)
  switch (command.type) {
    case 'ReserveSlot': {
      if (state.deleted.has(storeId)) return []
      if (reservedAt !== undefined && ageMs(reservedAt, now) < RENEWED_AFTER_MS) return []
      if (reservedAt === undefined && state.reserved.size >= command.storesMax)
        throw quotaExceeded(command.storesMax)
      return [{ type: 'StoreSlotReserved', data: { storeId, reservedAt: now } }]
    }
    case 'ReleaseSlot': {
      const { reason } = command
      if (reservedAt === undefined) return []
      if (reason === 'abandoned' && !isAbandoned(reservedAt, now)) return []
      return [{ type: 'StoreSlotReleased', data: { storeId, reason, releasedAt: now } }]
    }
  }
}

/** Changes the state in place: a tenant may have many thousand stores. */
function evolve(state: TenantState, event: TenantEvent): TenantState {
  const { storeId } = event.data
  state.reserved.delete(storeId)
  if (event.type === 'StoreSlotReserved') state.reserved.set(storeId, event.data.reservedAt)
  else if (event.data.reason === 'deleted') rememberDeleted(state, storeId)
  return state
}

function rememberDeleted(state: TenantState, storeId: string): void {
  state.deleted.add(storeId)
  const { value: oldest } = state.deleted.values().next()
  if (state.deleted.size <= DELETED_MAX || oldest === undefined) return
  state.deleted.delete(oldest)
  state.forgotten = true
}

function quotaExceeded(storesMax: number): AppError {
  return new AppError('QUOTA_EXCEEDED', `Store quota reached: ${storesMax} stores`, {
    details: { storesMax },
  })
}
