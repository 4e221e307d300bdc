import { AppError } from './app-error.ts'
import type { Decider } from './decider.ts'

/** The stored events of a tenant's stream: which stores count against its quota. */
export type TenantEvent =
  | { type: 'StoreSlotReserved'; data: { storeId: string; reservedAt: string } }
  | { type: 'StoreSlotReleased'; data: StoreSlotReleased }

export const slotReleaseReasons = ['deleted', 'abandoned'] as const

interface StoreSlotReleased {
  storeId: string
  /** The store was deleted, or the request that held the slot died before it stored the store. */
  reason: (typeof slotReleaseReasons)[number]
  releasedAt: string
}

export type TenantCommand =
  | { type: 'ReserveSlot'; storeId: string; storesMax: number; now: string }
  | { type: 'ReleaseSlot'; storeId: string; reason: StoreSlotReleased['reason']; now: string }

export interface TenantState {
  /** Store id → when its slot was reserved. Ids of deleted stores stay in `known`: a replayed request must not reserve again. */
  reserved: Map<string, string>
  known: Map<string, string>
}

export const tenant: Decider<TenantState, TenantCommand, TenantEvent> = {
  initialState: () => ({ reserved: new Map(), known: new Map() }),
  decide,
  evolve,
}

/** The stream of a tenant. */
export const tenantStream = (tenantId: string): string => `tenant-${tenantId}`

function decide(state: TenantState, command: TenantCommand): TenantEvent[] {
  const { storeId, now } = command
  switch (command.type) {
    case 'ReserveSlot': {
      if (state.known.has(storeId)) return []
      if (state.reserved.size >= command.storesMax) throw quotaExceeded(command.storesMax)
      return [{ type: 'StoreSlotReserved', data: { storeId, reservedAt: now } }]
    }
    case 'ReleaseSlot': {
      if (!state.reserved.has(storeId)) return []
      return [
        { type: 'StoreSlotReleased', data: { storeId, reason: command.reason, releasedAt: now } },
      ]
    }
  }
}

/** Changes the maps in place: a tenant may hold thousands of stores, and a fold owns its state. */
function evolve(state: TenantState, event: TenantEvent): TenantState {
  const { storeId } = event.data
  switch (event.type) {
    case 'StoreSlotReserved':
      state.reserved.set(storeId, event.data.reservedAt)
      state.known.set(storeId, event.data.reservedAt)
      return state
    case 'StoreSlotReleased':
      state.reserved.delete(storeId)
      if (event.data.reason === 'abandoned') state.known.delete(storeId)
      return state
  }
}

function quotaExceeded(storesMax: number): AppError {
  return new AppError('QUOTA_EXCEEDED', `The tenant has reached its limit of ${storesMax} stores`, {
    details: { storesMax },
  })
}
