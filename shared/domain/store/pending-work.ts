import type { Claim, WorkKind } from './events.ts'
import type { StoreState } from './state.ts'

/** What a provisioner still has to do for the store; undefined when nothing is. */
export function pendingWork(state: StoreState): WorkKind | undefined {
  switch (state.status) {
    case 'requested':
    case 'provisioning':
      return 'install'
    case 'cancelling':
    case 'deleting':
      return 'uninstall'
    case 'absent':
    case 'ready':
    case 'failed':
    case 'deleted':
      return undefined
  }
}

/** The claim that nobody has ended yet; its worker may be at work or dead. */
export function openClaim(state: StoreState): Claim | undefined {
  return 'claim' in state ? state.claim : undefined
}
