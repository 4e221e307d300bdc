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
