import type { Failure, PlacedOrder, StepDetail, StoreRequested } from '#domain'
import type { Ended } from '../helm/run-supervised.ts'
import type { Browsing } from '../smoke-test/smoke-test.ts'
import type { Chart } from '../chart.ts'
import type { StoreValues } from '../values.ts'

/** A store's release: what it is called and what it should be. */
export interface Target {
  request: StoreRequested
  /** Name of the release and of its namespace. */
  release: string
  chart: Chart
  values: StoreValues
}

/** The lease under which one attempt works on its store; see `worker/lease.ts`. */
export interface ClaimLease {
  attempt: number
  claimId: string
  /** Aborted when the lease is lost, or when this process has no time left. */
  signal: AbortSignal
  /** When the lease ends unless it is renewed: a moment of `process.hrtime`. */
  deadline: () => bigint
  /** Settles when the log says that the claim is still the store's newest. Throws CLAIM_LOST. */
  confirm: () => Promise<void>
}

/** Whose release it is and what it was made from; written by the attempt that made it. */
export interface ReleaseLabels {
  store: string
  attempt: number
  claim: string
  values: string
  chart: string
}

export type ObservedRelease =
  | { status: 'absent' }
  /** The store's namespace is there, without a release. */
  | { status: 'prepared' }
  | { status: 'deployed'; labels: ReleaseLabels }
  /** Made by an attempt for this store, but not whole or not good. */
  | { status: 'failed'; detail: string }
  | { status: 'pending'; labels: ReleaseLabels }
  /** On its way out; `detail` says what holds it up, as far as is known. */
  | { status: 'uninstalling'; by: 'release' | 'namespace'; detail: string }
  /** Something with the release's name that this system did not make for this store: never touched. */
  | { status: 'unmanaged'; detail: string }

/** What a store's release is made with: files rendered by helm, or a cluster. */
export interface Driver {
  observe: (target: Target) => Promise<ObservedRelease>
  /** Makes every earlier claim on the store powerless; settles when none of them can act any more. */
  fence: (target: Target, lease: ClaimLease) => Promise<void>
  /** Installs or upgrades by one run of helm; how it ended is no proof of what there is now. */
  deploy: (target: Target, lease: ClaimLease) => Promise<Ended>
  /** Why a run of helm was in vain. Absent where nobody but helm can tell. */
  diagnose?: (target: Target, ended: Ended, signal: AbortSignal) => Promise<Failure>
  /**
   * Settles when customers can get to a deployed release, with what leads them there; undefined where the store
   * has no route of its own. Throws ROUTE_NOT_ACCEPTED.
   */
  confirmRoute?: (
    target: Target,
    lease: ClaimLease,
    signal: AbortSignal,
  ) => Promise<StepDetail | undefined>
  /** Places a test order, which proves that the store sells. Throws SMOKE_TEST_FAILED. Absent where nothing runs. */
  placeOrder?: ((target: Target, signal: AbortSignal) => Promise<PlacedOrder>) | undefined
  /** Proves that a store that sells already still works, without an order. Throws SMOKE_TEST_FAILED. */
  browseToCheckout?: ((target: Target, signal: AbortSignal) => Promise<Browsing>) | undefined
  /** Removes the pending state that an ended claim has left on the release, which blocks every later helm. */
  unlock: (target: Target, lease: ClaimLease) => Promise<void>
  /** What `uninstall` would remove, as `Kind/name` or a path. */
  inventory: (target: Target) => Promise<string[]>
  uninstall: (target: Target, lease: ClaimLease) => Promise<void>
}
