import { AppError } from '../app-error.ts'
import type { Decider } from '../decider.ts'

/** The stored events of a tenant's stream: which stores count against its quota. */
export type TenantEvent =
  | { type: 'StoreSlotReserved'; data: { storeId: string; reservedAt: string } }
  | { type: 'StoreSlotReleased'; data: { storeId: string; releasedAt: string } }

export type TenantCommand =
  | { type: 'ReserveSlot'; storeId: string; storesMax: number; now: string }
  | { type: 'ReleaseSlot'; storeId: string; now: string }

export interface TenantState {
  /** Store id → when its slot was reserved. Released ids stay in `known`: a replayed request must not reserve again. */
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
      return [{ type: 'StoreSlotReleased', data: { storeId, releasedAt: now } }]
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
      return state
  }
}

function quotaExceeded(storesMax: number): AppError {
  return new AppError('QUOTA_EXCEEDED', `The tenant has reached its limit of ${storesMax} stores`, {
    details: { storesMax },
  })
}
