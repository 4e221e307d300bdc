import type { RequestUpgrade } from '../commands.ts'
import { plans, type StoreEvent } from '../events.ts'
import { planTooSmall, wrongState } from '../refusals.ts'
import type { StoreState } from '../state.ts'
import { existing } from './existing-store.ts'

/**
 * Asks for the upgrade of a store that is ready, or of one whose upgrade failed: to what that was to become, or
 * back to what the store was, as far as its volumes let it. Throws STORE_IN_WRONG_STATE, PLAN_TOO_SMALL.
 */
export function requestUpgrade(state: StoreState, command: RequestUpgrade): StoreEvent[] {
  const { status } = existing(state)
  if (state.status !== 'ready' && state.status !== 'upgrade-failed')
    throw wrongState('upgraded', status)
  const { plan: least } = state.request
  const present = state.status === 'ready' ? least : state.upgrade.plan
  const { plan = present, fingerprint, now: requestedAt } = command
  if (plans.indexOf(plan) < plans.indexOf(least)) throw planTooSmall(plan, least)
  return [{ type: 'UpgradeRequested', data: { plan, fingerprint, requestedAt } }]
}
