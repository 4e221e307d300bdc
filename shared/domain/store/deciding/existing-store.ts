import { deleted, notFound } from '../refusals.ts'
import type { StoreState } from '../state.ts'

/** The store a command is for. Throws STORE_NOT_FOUND, STORE_DELETED. */
export function existing(state: StoreState): Exclude<StoreState, { status: 'absent' | 'deleted' }> {
  if (state.status === 'absent') throw notFound()
  if (state.status === 'deleted') throw deleted()
  return state
}
