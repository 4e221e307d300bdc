import type {
  Claim,
  StoreProvisioned,
  StoreRequested,
  UpgradeRequested,
  WorkKind,
  Failure,
} from './events.ts'

/** What is known of a store; each variant holds only what exists then. */
export type StoreState =
  | { status: 'absent' }
  | (Known & Waiting & { status: 'requested' })
  | (Known & Waiting & { status: 'provisioning'; claim: Claim })
  | (Known & { status: 'ready'; provisioned: StoreProvisioned })
  | (Known & Waiting & Serving & { status: 'upgrading'; claim?: Claim })
  | (Known & Serving & { status: 'upgrade-failed'; failure: Failure; failedAt: string })
  | (Known & { status: 'failed'; failure: Failure; failedAt: string })
  | (Known & Waiting & { status: 'cancelling'; claim?: Claim })
  | (Known & Waiting & { status: 'deleting'; claim?: Claim })
  | (Known & { status: 'deleted'; removed: string[]; deletedAt: string })

export type StoreStatus = Exclude<StoreState['status'], 'absent'>

export const storeStatuses = [
  'requested',
  'provisioning',
  'ready',
  'upgrading',
  'upgrade-failed',
  'failed',
  'cancelling',
  'deleting',
  'deleted',
] as const satisfies readonly StoreStatus[]

/** What is wanted of a store: what was requested, with every change since. */
export interface StoreSpec extends StoreRequested {
  /** Absent: 1, nothing was changed. */
  generation?: number
}

export interface Known {
  request: StoreSpec
  /** Claims made so far: the number of the newest attempt. */
  attempt: number
}

/** A store that was ready and is being upgraded. */
interface Serving {
  /** What it was before the upgrade. */
  provisioned: StoreProvisioned
  upgrade: UpgradeRequested
}

/** Work that is in progress or still to do. */
export interface Waiting {
  /** Attempts that have failed since the work was requested. */
  failures: number
  /** Workers that have died since an attempt last ended with a result. */
  takeOvers: number
  /** No attempt before this time. */
  notBefore?: string
  lastFailure?: Failure
}

export const nothingTriedYet = { failures: 0, takeOvers: 0 } as const satisfies Waiting

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
export function wantedRequest(state: Exclude<StoreState, { status: 'absent' }>): StoreSpec {
  const { request } = state
  return state.status === 'upgrading' ? { ...request, plan: state.upgrade.plan } : request
}

/** The claim that has not ended yet; its worker may be alive or dead. */
export function openClaim(state: StoreState): Claim | undefined {
  return 'claim' in state ? state.claim : undefined
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

/** The stream of a store. */
export const storeStream = (storeId: string): string => `store-${storeId}`

/**
 * The name of a store's release and namespace: `s-` and the store id (a UUID) in base32, 28 characters.
 * It comes from the id alone, so no text of a user ever reaches a resource's name.
 */
export function releaseNameOf(storeId: string): string {
  let bits = BigInt(`0x${storeId.replaceAll('-', '')}`)
  let name = ''
  for (let length = 0; length < 26; length++) {
    name = (alphabet[Number(bits & 31n)] ?? '') + name
    bits >>= 5n
  }
  return `s-${name}`
}
