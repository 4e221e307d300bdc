import type { Claim, StoreRequested, WorkKind } from './events.ts'
import type { StoreState } from './state.ts'

/** What a provisioner still has to do for the store; undefined when there is nothing. */
export function pendingWork(state: StoreState): WorkKind | undefined {
  switch (state.status) {
    case 'requested':
    case 'provisioning':
      return 'install'
    case 'upgrading':
      return 'upgrade'
    case 'cancelling':
    case 'deleting':
      return 'uninstall'
    case 'absent':
    case 'ready':
    case 'upgrade-failed':
    case 'failed':
    case 'deleted':
      return undefined
  }
}

/** The request that the pending work has to fulfil; during an upgrade it has the plan of the upgrade. */
export function wantedRequest(state: Exclude<StoreState, { status: 'absent' }>): StoreRequested {
  const { request } = state
  return state.status === 'upgrading' ? { ...request, plan: state.upgrade.plan } : request
}

/** The claim that has not ended yet; its worker may be alive or dead. */
export function openClaim(state: StoreState): Claim | undefined {
  return 'claim' in state ? state.claim : undefined
}
