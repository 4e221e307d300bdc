/**
 * An error with a stable code. `retryable`: the same may succeed later. It is the one place that says so: what handles
 * an error reads it here and decides nothing by the code.
 */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? isRetryable(code)
    this.details = options.details ?? {}
  }
}

/** Whether errors of this code may pass, unless one of them says otherwise. */
export function isRetryable(code: ErrorCode): boolean {
  return retryableCodes.has(code)
}

/** True for an AppError with one of the given codes. */
export function hasCode(error: unknown, ...codes: ErrorCode[]): error is AppError {
  return error instanceof AppError && codes.includes(error.code)
}

/** Every code the system can answer with; docs/errors.md explains each. */
export const errorCodes = [
  'REQUEST_INVALID',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'ROUTE_NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'BODY_TOO_LARGE',
  'MEDIA_TYPE_UNSUPPORTED',
  'RATE_LIMITED',
  'OVERLOADED',
  'ISSUER_UNAVAILABLE',
  'KEYS_UNAVAILABLE',
  'KEY_NOT_FOUND',
  'OPERATION_NOT_FOUND',
  'OPERATION_ENDED',
  'OPERATIONS_OFF',
  'SELECTION_TOO_LARGE',
  'AUDIT_KEY_MISSING',
  'INTERNAL',
  'IDEMPOTENCY_KEY_REUSED',
  'QUOTA_EXCEEDED',
  'REFERENCE_TAKEN',
  'TENANT_SUSPENDED',
  'STORE_NOT_FOUND',
  'STORE_DELETED',
  'STORE_IN_WRONG_STATE',
  'PLAN_TOO_SMALL',
  'PRECONDITION_FAILED',
  'READ_MODEL_BEHIND',
  'CLAIM_HELD',
  'CLAIM_LOST',
  'RETRY_NOT_DUE',
  'NOTHING_TO_PROVISION',
  'CONCURRENT_MODIFICATION',
  'STREAM_DELETED',
  'EVENT_TOO_LARGE',
  'EVENT_UNREADABLE',
  'EVENT_STORE_REJECTED',
  'EVENT_STORE_ACCESS_DENIED',
  'EVENT_STORE_UNAVAILABLE',
  'EVENT_LOG_DIVERGED',
  'MESSAGING_UNAVAILABLE',
  'DATABASE_UNAVAILABLE',
  'CLUSTER_UNREACHABLE',
  'CLUSTER_REFUSED',
  'HELM_MISSING',
  'HELM_FAILED',
  'RELEASE_CONFLICT',
  'RELEASE_STUCK',
  'ROUTE_NOT_ACCEPTED',
  'SMOKE_TEST_FAILED',
  'CHART_INVALID',
  'VALUES_INVALID',
  'CONFIG_INVALID',
] as const

export type ErrorCode = (typeof errorCodes)[number]

const retryableCodes: ReadonlySet<ErrorCode> = new Set([
  'RATE_LIMITED',
  'OVERLOADED',
  'ISSUER_UNAVAILABLE',
  'KEYS_UNAVAILABLE',
  'READ_MODEL_BEHIND',
  'CLAIM_HELD',
  'RETRY_NOT_DUE',
  'CONCURRENT_MODIFICATION',
  'EVENT_STORE_ACCESS_DENIED',
  'EVENT_STORE_UNAVAILABLE',
  'EVENT_LOG_DIVERGED',
  'MESSAGING_UNAVAILABLE',
  'DATABASE_UNAVAILABLE',
  'CLUSTER_UNREACHABLE',
  'CLUSTER_REFUSED',
  'RELEASE_STUCK',
  'ROUTE_NOT_ACCEPTED',
  'SMOKE_TEST_FAILED',
])

interface AppErrorOptions {
  /** For an error that differs from others of its code. */
  retryable?: boolean
  details?: Record<string, unknown>
  cause?: unknown
}
