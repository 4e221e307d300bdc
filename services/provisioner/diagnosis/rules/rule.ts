import type { Failure, FailureReason } from '#domain'
import type { Ended } from '../../helm/run-supervised.ts'
import type { Evidence, PodEvidence } from '../evidence.ts'

/** How a run of helm ended, as far as it indicates a cause. */
export interface HelmRun {
  stderr: string
  /** Why it was ended; absent when it ended by itself. */
  reason?: Ended['reason']
}

/** What a rule may use. */
export interface Seen {
  evidence: Evidence
  helm: HelmRun
  /** Pods that should be ready and are not; those that others depend on come first. */
  stuck: PodEvidence[]
}

/** One row of the table: how to recognise a class of failures, and what follows from it. */
export interface Rule extends Omit<Failure, 'detail'> {
  reason: FailureReason
  /** The evidence in words; undefined where the rule does not apply. */
  find: (seen: Seen) => string | undefined
}
