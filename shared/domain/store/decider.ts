import type { Decider } from '../decider.ts'
import type { StoreCommand } from './commands.ts'
import { decide } from './decide.ts'
import type { StoreEvent } from './events.ts'
import { evolve } from './evolve.ts'
import type { StoreState } from './state.ts'

export const store: Decider<StoreState, StoreCommand, StoreEvent> = {
  initialState: () => ({ status: 'absent' }),
  decide,
  evolve,
}

/** The stream of a store. */
export const storeStream = (storeId: string): string => `store-${storeId}`
