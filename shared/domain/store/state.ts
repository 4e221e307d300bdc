import type { Claim, StoreProvisioned, StoreRequested, UpgradeRequested } from './events.ts'
import type { Failure } from './failure.ts'

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

export interface Known {
  request: StoreRequested
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
