import { OutOfTimeError } from '#async'
import { AppError, type ErrorCode } from '#domain'
import { ErrorType, isCommandError, WrongExpectedVersionError } from './client.ts'

/** What an error of the client means for the call that met it. */
interface ErrorRule {
  code: ErrorCode
  message: string
  /** Whether the same is sent again, unchanged, until the call's time is over. */
  isRepeated: boolean
  /** Whether the client that threw it is replaced. */
  endsClient: boolean
}

const rule = (code: ErrorCode, message: string): ErrorRule => ({
  code,
  message,
  isRepeated: false,
  endsClient: false,
})

const away: ErrorRule = {
  ...rule('EVENT_STORE_UNAVAILABLE', 'The event store is not available'),
  isRepeated: true,
  endsClient: true,
}
/** An answer like any other: "not ready", "busy", or a repeat of an append that is still under way. */
const later: ErrorRule = { ...away, endsClient: false }
const refused = rule('EVENT_STORE_REJECTED', 'The event store refused the request')

/** Every kind of error the client knows. */
const rules: Record<ErrorType, ErrorRule> = {
  [ErrorType.WRONG_EXPECTED_VERSION]: rule('CONCURRENT_MODIFICATION', 'The stream has moved on'),
  [ErrorType.STREAM_DELETED]: rule('STREAM_DELETED', 'The stream was deleted for good'),
  [ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED]: rule(
    'EVENT_TOO_LARGE',
    'The append is larger than the event store takes',
  ),
  [ErrorType.ACCESS_DENIED]: rule(
    'EVENT_STORE_ACCESS_DENIED',
    'The event store denies access: the user or password of EVENTSTORE_URL is wrong, or the user lacks a right',
  ),
  [ErrorType.UNAVAILABLE]: away,
  [ErrorType.CANCELLED]: away,
  [ErrorType.NOT_LEADER]: away,
  [ErrorType.NOT_FOUND]: away,
  [ErrorType.TIMEOUT]: later,
  [ErrorType.DEADLINE_EXCEEDED]: later,
  [ErrorType.UNKNOWN]: later,
  [ErrorType.STREAM_NOT_FOUND]: refused,
  [ErrorType.NO_STREAM]: refused,
  [ErrorType.INVALID_ARGUMENT]: refused,
  [ErrorType.INVALID_TRANSACTION]: refused,
  [ErrorType.MISSING_REQUIRED_METADATA_PROPERTY]: refused,
  [ErrorType.UNSUPPORTED]: refused,
  [ErrorType.SCAVENGE_NOT_FOUND]: refused,
  [ErrorType.PERSISTENT_SUBSCRIPTION_FAILED]: refused,
  [ErrorType.PERSISTENT_SUBSCRIPTION_DOES_NOT_EXIST]: refused,
  [ErrorType.PERSISTENT_SUBSCRIPTION_EXISTS]: refused,
  [ErrorType.PERSISTENT_SUBSCRIPTION_DROPPED]: refused,
  [ErrorType.MAXIMUM_SUBSCRIBERS_REACHED]: refused,
  [ErrorType.USER_NOT_FOUND]: refused,
  [ErrorType.USER_CONFLICT]: refused,
}

/**
 * What to do about an error. One that nobody knows counts as an event store that is away: every append may be repeated,
 * and a refusal for good would outlast its cause.
 */
export function ruleOf(error: unknown): ErrorRule {
  if (error instanceof AppError)
    return { ...rule(error.code, error.message), isRepeated: false, endsClient: false }
  if (error instanceof OutOfTimeError || !isClientError(error)) return away
  const known = rules[error.type] ?? away
  // An error with a status code has ended the call that all appends share; without, it answers one append.
  return known.isRepeated && typeof error.code === 'number' ? away : known
}

function isClientError(error: unknown) {
  return error instanceof Error && isCommandError(error)
}

/** Translates what the client throws; errors of ours pass unchanged. */
export function appErrorOf(error: unknown, stream?: string): AppError {
  if (error instanceof AppError) return error
  const { code, message, isRepeated } = ruleOf(error)
  const details = stream === undefined ? {} : { stream }
  if (error instanceof WrongExpectedVersionError) {
    const { actualVersion, expectedVersion } = error
    return new AppError(code, `${stream} has moved on`, {
      retryable: true,
      cause: error,
      details: { ...details, expected: `${expectedVersion}`, actual: `${actualVersion}` },
    })
  }
  return new AppError(code, message, {
    cause: error,
    details,
    ...(isRepeated && { retryable: true }),
  })
}
