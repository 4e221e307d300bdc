import type { ErrorCode } from '#domain'

interface Answer {
  status: number
  title: string
  /** Seconds after which to ask again, where the error may pass; whether it may is said by the error itself. */
  retryAfter?: number
  /** What else a fault of the server may tell its caller: what to do. */
  advice?: string
}

const unavailable = (title: string, retryAfter = 2): Answer => ({ status: 503, title, retryAfter })
const internal: Answer = { status: 500, title: 'Something went wrong on our side' }

/** How each error code is answered over HTTP; docs/errors.md says the same in words. */
export const answers: Readonly<Record<ErrorCode, Answer>> = {
  REQUEST_INVALID: { status: 400, title: 'The request is not valid' },
  UNAUTHENTICATED: { status: 401, title: 'Who is asking could not be established' },
  FORBIDDEN: { status: 403, title: 'The caller may not do this' },
  ROUTE_NOT_FOUND: { status: 404, title: 'There is nothing at this address' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'This method is not served here' },
  BODY_TOO_LARGE: { status: 413, title: 'The body is too large' },
  MEDIA_TYPE_UNSUPPORTED: { status: 415, title: 'Send JSON' },
  RATE_LIMITED: { status: 429, title: 'Too many requests', retryAfter: 1 },
  OVERLOADED: unavailable('The service cannot take this request now'),
  ISSUER_UNAVAILABLE: {
    ...unavailable('Tokens cannot be checked now'),
    advice: 'try again as Retry-After says, or send an API key if you have one',
  },
  KEYS_UNAVAILABLE: {
    ...unavailable('API keys cannot be checked now'),
    advice: 'try again as Retry-After says, or send a token of your issuer if you have one',
  },
  KEY_NOT_FOUND: { status: 404, title: 'There is no such API key' },
  OPERATION_NOT_FOUND: { status: 404, title: 'There is no such operation' },
  OPERATION_ENDED: { status: 409, title: 'The operation has ended' },
  OPERATIONS_OFF: {
    status: 501,
    title: 'Operations are off: the command API has no DATABASE_URL to select stores by',
  },
  SELECTION_TOO_LARGE: { status: 422, title: 'The filter matches too many stores' },
  AUDIT_KEY_MISSING: { status: 501, title: 'Audit exports need the setting AUDIT_SIGNING_KEY' },
  INTERNAL: internal,
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'The key belongs to another request' },
  QUOTA_EXCEEDED: { status: 403, title: 'Store quota reached' },
  REFERENCE_TAKEN: { status: 409, title: 'Another store has this reference' },
  TENANT_SUSPENDED: { status: 403, title: 'The tenant is suspended' },
  STORE_NOT_FOUND: { status: 404, title: 'There is no such store' },
  STORE_DELETED: { status: 410, title: 'The store was deleted' },
  STORE_IN_WRONG_STATE: { status: 409, title: 'The store cannot do this now' },
  PLAN_TOO_SMALL: { status: 422, title: 'A store cannot go to a smaller plan' },
  PRECONDITION_FAILED: { status: 412, title: 'The store has changed' },
  READ_MODEL_BEHIND: unavailable('What was just written cannot be read yet', 1),
  CLAIM_HELD: { status: 409, title: 'A worker is at work on the store' },
  CLAIM_LOST: { status: 409, title: 'Another worker has the store' },
  RETRY_NOT_DUE: { status: 409, title: 'The next attempt is not due yet' },
  NOTHING_TO_PROVISION: { status: 409, title: 'The store needs no work' },
  CONCURRENT_MODIFICATION: { status: 409, title: 'The store was changed by others', retryAfter: 1 },
  STREAM_DELETED: { status: 410, title: 'The history was removed' },
  EVENT_TOO_LARGE: internal,
  EVENT_UNREADABLE: internal,
  EVENT_STORE_REJECTED: internal,
  EVENT_STORE_ACCESS_DENIED: unavailable('The event log denies access', 30),
  EVENT_STORE_UNAVAILABLE: unavailable('The event log does not answer'),
  EVENT_LOG_DIVERGED: unavailable('The read models do not fit the event log', 30),
  MESSAGING_UNAVAILABLE: unavailable('Messaging does not answer'),
  DATABASE_UNAVAILABLE: unavailable('The read models do not answer'),
  CLUSTER_UNREACHABLE: unavailable('The cluster does not answer'),
  CLUSTER_REFUSED: internal,
  HELM_MISSING: internal,
  HELM_FAILED: internal,
  RELEASE_CONFLICT: { status: 409, title: 'The release belongs to another store' },
  RELEASE_STUCK: internal,
  ROUTE_NOT_ACCEPTED: internal,
  SMOKE_TEST_FAILED: internal,
  CHART_INVALID: internal,
  VALUES_INVALID: internal,
  CONFIG_INVALID: internal,
}
