/** What a store's namespace showed at one moment, with every secret already hidden. */
export interface Evidence {
  /** ISO 8601 UTC. */
  takenAt: string
  pods: PodEvidence[]
  workloads: WorkloadEvidence[]
  pvcs: PvcEvidence[]
  jobs: JobEvidence[]
  /** Each limit of a quota that is reached, as `quota plan: pods 10 of 10`. */
  usedUp: string[]
  /** Events of type Warning, the newest first. */
  warnings: WarningEvidence[]
  logs: LogEvidence[]
  /** What could not be read, and why. */
  gaps: string[]
  /** Hides the store's secrets in text from elsewhere. */
  redact: (text: string) => string
}

export interface PodEvidence {
  name: string
  uid: string
  owner: { kind: string; name: string } | undefined
  phase: string
  ready: boolean
  /** Terminating: it says nothing about the store any more. */
  ending: boolean
  /** Why it cannot be scheduled. */
  unscheduled: string | undefined
  containers: ContainerEvidence[]
}

export interface ContainerEvidence {
  name: string
  image: string
  /** An init container. */
  init: boolean
  restarts: number
  state: 'waiting' | 'running' | 'terminated' | 'unknown'
  reason: string
  message: string
  exitCode: number | undefined
  /** How its previous run ended. */
  last: { exitCode: number; reason: string; message: string } | undefined
}

export interface WorkloadEvidence {
  kind: 'Deployment' | 'StatefulSet' | 'ReplicaSet'
  name: string
  uid: string
  wanted: number
  ready: number
  /** The API server's last refusal of its pods or PVCs. */
  refusal: string | undefined
}

export interface PvcEvidence {
  name: string
  uid: string
  phase: string
  ageMs: number
}

interface JobEvidence {
  name: string
  ofCronJob: boolean
  /** Why it has failed permanently. */
  failure: string | undefined
}

export interface WarningEvidence {
  kind: string
  name: string
  uid: string
  reason: string
  message: string
}

export interface LogEvidence {
  pod: string
  container: string
  /** The last ones. */
  lines: string[]
}
