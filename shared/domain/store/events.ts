export const engines = ['woocommerce', 'medusa'] as const
export type Engine = (typeof engines)[number]

export const plans = ['small', 'medium', 'large'] as const
export type Plan = (typeof plans)[number]

/** What an attempt does to the store's release. */
export const workKinds = ['install', 'upgrade', 'uninstall'] as const
export type WorkKind = (typeof workKinds)[number]

interface OfUpgrade {
  /** Present when the work was an upgrade of a store that had been ready. */
  kind?: 'upgrade'
}

/** A claim of one worker on one store: the only right to run helm for it. */
export interface Claim {
  attempt: number
  worker: string
  claimId: string
  kind: WorkKind
}

/** What an owner tells stores apart by. */
export type Labels = Readonly<Record<string, string>>
export const labelsMax = 32

export type StepDetail = Readonly<Record<string, string | number | boolean>>

/** The stored events of a store's stream. Names and shapes are the stored format: never renamed. Times are ISO 8601 UTC. */
export type StoreEvent =
  | { type: 'StoreRequested'; data: StoreRequested }
  | { type: 'ProvisioningStarted'; data: ProvisioningStarted }
  | { type: 'ProvisioningStepRecorded'; data: ProvisioningStepRecorded }
  | { type: 'ProvisioningAttemptFailed'; data: ProvisioningAttemptFailed }
  | { type: 'StoreProvisioned'; data: StoreProvisioned }
  | { type: 'StoreFailed'; data: StoreFailed }
  | { type: 'RetryRequested'; data: { requestedAt: string } }
  | { type: 'UpgradeRequested'; data: UpgradeRequested }
  | { type: 'ChangeRequested'; data: ChangeRequested }
  | { type: 'CancelRequested'; data: { requestedAt: string } }
  | { type: 'DeletionRequested'; data: { requestedAt: string } }
  | { type: 'StoreDeleted'; data: StoreDeleted }

export interface StoreRequested {
  storeId: string
  tenantId: string
  /** The display name: data only, never part of a resource's name. */
  name: string
  engine: Engine
  plan: Plan
  labels?: Labels | undefined
  /** The tenant's own name for the store, such as an order number; no two stores of the tenant have the same. */
  reference?: string | undefined
  parameters?: StoreParameters | undefined
  /** SHA-256 of the whole request body, hex: it distinguishes requests that use the same key. */
  fingerprint: string
  requestedAt: string
}

/** What a new shop is set up with; afterwards it belongs to the shop's owner. What is absent is the engine's own. */
export interface StoreParameters {
  /** Where the shop is and sells first: ISO 3166-1 alpha-2. */
  country?: string | undefined
  /** What it sells in: ISO 4217. */
  currency?: string | undefined
  /** IANA name. */
  timeZone?: string | undefined
  /** Of its pages, as WordPress writes it: `de_DE`. */
  locale?: string | undefined
}

/** The plan that a ready store is to have; with it, it gets the chart and images that are current then. */
export interface UpgradeRequested {
  plan: Plan
  /** SHA-256 of the whole request body, hex. */
  fingerprint: string
  requestedAt: string
}

/** A change of what is wanted of the store. It holds only what differs; `evolve` merges it. */
export interface ChangeRequested {
  /** Of what is wanted: StoreRequested is 1, each change one more. */
  generation: number
  changes: StoreChanges
  /** SHA-256 of the whole request body, hex. */
  fingerprint: string
  requestedAt: string
}

/** RFC 7396: what is absent stays, null takes away. These need no work: the change is done when it is stored. */
export interface StoreChanges {
  name?: string | undefined
  labels?: Readonly<Record<string, string | null>> | null | undefined
  reference?: string | null | undefined
}

export interface ProvisioningStarted extends Claim {
  valuesDigest: string
  chartDigest: string
  /** The claim that this one replaces: its worker has died, or has given it up. */
  takesOver?: string
  /** The replaced claim was given up by its own worker, which is alive. */
  givenUp?: true
  startedAt: string
}

interface ProvisioningStepRecorded {
  attempt: number
  step: string
  detail: StepDetail
  recordedAt: string
}

/** An attempt that ended without a result and will be followed by another, not before `retryAt`. */
export interface ProvisioningAttemptFailed extends Failure {
  attempt: number
  retryAt: string
  failedAt: string
}

/** An order the provisioner placed to prove that a store sells. */
export interface PlacedOrder {
  orderId: string
  /** False where the engine cannot cancel: the order stays, and its e-mail says that it is a test. */
  cancelled: boolean
  /** HTTP requests that were needed. */
  requests: number
  durationMs: number
}

export interface StoreProvisioned extends OfUpgrade {
  attempt: number
  release: string
  namespace: string
  url: string
  chart: string
  chartVersion: string
  chartDigest: string
  valuesDigest: string
  /** True when the release already was as requested, so that this attempt did not run helm. */
  adopted: boolean
  /** Absent where the driver runs no store that could sell. */
  smokeTest?: PlacedOrder | undefined
  provisionedAt: string
}

export interface StoreFailed extends Failure, OfUpgrade {
  attempt: number
  failedAt: string
}

interface StoreDeleted {
  attempt: number
  /** What was removed, as `Kind/name` or a path. */
  removed: string[]
  deletedAt: string
}

/** Why an attempt did not make a store ready. Stored in events: never renamed. */
export const failureReasons = [
  'IMAGE_PULL',
  'QUOTA_EXCEEDED',
  'ADMISSION_DENIED',
  'PVC_PENDING',
  'CRASH_LOOP',
  'CONTAINER_CONFIG',
  'VOLUME_NOT_MOUNTED',
  'VOLUME_RESIZE_REFUSED',
  'JOB_FAILED',
  'ACCESS_DENIED',
  'NOT_SCHEDULABLE',
  'HELM_PENDING',
  'HELM_FAILED',
  'ROUTE_NOT_ACCEPTED',
  'SMOKE_TEST_FAILED',
  'TIMEOUT',
  'CHART_INVALID',
  'VALUES_INVALID',
  'RELEASE_CONFLICT',
  'RELEASE_MISSING',
  'CLUSTER_UNREACHABLE',
  'DISK_FULL',
  'WORKER_STOPPED',
  'WORKER_LOST',
  'CANCELLED',
  'UNKNOWN',
] as const
export type FailureReason = (typeof failureReasons)[number]

export interface Failure {
  reason: FailureReason
  retryable: boolean
  /** For people, with secrets redacted. */
  detail: string
  nextAction: string
}
