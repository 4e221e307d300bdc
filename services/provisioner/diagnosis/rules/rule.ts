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

/** The next action for each failure, for operators. */
export const tryAgain =
  'It is tried again automatically. Once it has failed for good, retry the store'
export const fixChart = 'Fix the chart or its values, then retry the store'
export const fixImage =
  'Correct the image, or let the cluster pull it (name, tag, registry, pull secret), then retry the store'
export const raiseQuota =
  "Compare the chart with its plan's quota and limits (deploy/plans), then retry the store"
export const fitPolicy =
  "Change the chart to satisfy the cluster's policies, or change the policies, then retry the store"
export const fixWebhook = "Fix the cluster's admission webhook; it is tried again automatically"
export const grantAccess =
  'Grant the accounts of the provisioner and the release the rights named in the message, then retry the store'
export const fixStorage =
  'Find out why the storage class provides no volume (its name, its provisioner, free space), then retry the store'
export const fixMount =
  'Find out why the volume or the Secret cannot be mounted, then retry the store'
export const keepSize =
  'Choose a plan whose volumes are not smaller, or a storage class that can expand volumes'
export const addNodes =
  'Add nodes or free some, or choose a smaller plan; it is tried again automatically'
export const readLog = 'Read the log lines, fix the cause, then retry the store'
export const moreMemory =
  "Raise the container's memory limit in the plan or choose a larger plan, then retry the store"
export const fixContainer =
  'Correct the configuration of the container (Secret, key, user, command), then retry the store'
export const findOwner = 'Find out who made it and remove it, then retry the store'
export const releaseField = 'Make helm the only owner of the field, then retry the store'
export const unblock = 'Find out what is blocking it, then retry the store'
export const reachCluster =
  'Find out why the API server does not answer; it is tried again automatically'
export const freeSpace = 'Free space on the disk that the detail names, then retry the store'
export const seePods = 'Check the pods and their log lines, fix the cause, then retry the store'
