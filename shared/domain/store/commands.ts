import type {
  PlacedOrder,
  Plan,
  StepDetail,
  StoreChanges,
  StoreRequested,
  Failure,
} from './events.ts'

/** Commands to one store. `now` is ISO 8601 UTC; ids are made by the caller. */
export type StoreCommand =
  | RequestStore
  | ClaimStore
  | {
      type: 'RecordStep'
      claimId: string
      step: string
      detail: StepDetail
      now: string
    }
  | CompleteProvisioning
  | { type: 'CompleteUninstall'; claimId: string; removed: string[]; now: string }
  | FailAttempt
  | { type: 'RequestRetry'; now: string }
  | { type: 'RequestCancel'; now: string }
  | RequestUpgrade
  | RequestChange
  | { type: 'RequestDeletion'; now: string }

/** Everything that the event will say: a field of StoreRequested is a field of this command. */
export interface RequestStore extends Omit<StoreRequested, 'requestedAt'> {
  type: 'RequestStore'
  now: string
}

/** Moves a ready store to a larger plan, or keeps its plan and moves it to the current chart and images. */
export interface RequestUpgrade {
  type: 'RequestUpgrade'
  /** Absent: the store keeps its plan; after a failed upgrade, the plan of that upgrade. */
  plan?: Plan | undefined
  fingerprint: string
  now: string
}

/** Changes what needs no work: name, labels, reference. */
export interface RequestChange {
  type: 'RequestChange'
  changes: StoreChanges
  fingerprint: string
  now: string
}

/** Asks for the right to work on the store; refused while another claim is held and not named in `takesOver`. */
export interface ClaimStore {
  type: 'ClaimStore'
  worker: string
  claimId: string
  /** The open claim that this one replaces: its worker is dead, or its work is known to have ended. */
  takesOver?: string
  /** The claim that is taken over was given up by its own worker, which is alive. */
  givenUp?: boolean
  valuesDigest: string
  chartDigest: string
  now: string
}

interface CompleteProvisioning {
  type: 'CompleteProvisioning'
  claimId: string
  release: string
  namespace: string
  url: string
  chart: string
  chartVersion: string
  chartDigest: string
  valuesDigest: string
  adopted: boolean
  smokeTest?: PlacedOrder | undefined
  now: string
}

/** Ends an attempt without a result; decides between another attempt and giving up. */
export interface FailAttempt {
  type: 'FailAttempt'
  claimId: string
  failure: Failure
  /** Pauses before the second, third, … attempt in milliseconds; one more failure than pauses is final. */
  retryDelaysMs: readonly number[]
  now: string
}
