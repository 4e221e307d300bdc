import type { Failure, FailureReason } from '#domain'
import type { Ended } from '../../helm/run-supervised.ts'
import type { Evidence, PodEvidence } from '../evidence.ts'

/** How a run of helm ended, as far as it tells a cause. */
export interface HelmRun {
  stderr: string
  /** Why it was ended; absent when it ended by itself. */
  reason?: Ended['reason']
}

/** All a rule may look at. */
export interface Seen {
  evidence: Evidence
  helm: HelmRun
  /** Pods that should be ready and are not; those others wait for come first. */
  stuck: PodEvidence[]
}

/** One line of the table: what a failure of this class is known by, and what follows from it. */
export interface Rule extends Omit<Failure, 'detail'> {
  reason: FailureReason
  /** The evidence in words, or undefined where there is none. */
  find: (seen: Seen) => string | undefined
}
