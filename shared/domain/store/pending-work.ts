import type { Claim, StoreRequested, WorkKind } from './events.ts'
import type { StoreState } from './state.ts'

/** What a provisioner still has to do for the store; undefined when nothing is. */
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

/** The request that the pending work is to fulfil: during an upgrade with the plan that was asked for last. */
export function wantedRequest(state: Exclude<StoreState, { status: 'absent' }>): StoreRequested {
  const { request } = state
  return state.status === 'upgrading' ? { ...request, plan: state.upgrade.plan } : request
}

/** The claim that nobody has ended yet; its worker may be at work or dead. */
export function openClaim(state: StoreState): Claim | undefined {
  return 'claim' in state ? state.claim : undefined
}
