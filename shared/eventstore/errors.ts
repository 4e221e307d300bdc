import {
  AccessDeniedError,
  CancelledError,
  DeadlineExceededError,
  MaxAppendSizeExceededError,
  NotLeaderError,
  StreamDeletedError,
  TimeoutError,
  UnavailableError,
  UnknownError,
  WrongExpectedVersionError,
} from '@eventstore/db-client'
import { OutOfTimeError } from '#async'
import { AppError } from '#domain'

const UNAVAILABLE = 14

/** Translates what the client throws; errors of ours pass unchanged. */
export function appErrorOf(error: unknown, stream?: string): AppError {
  if (error instanceof AppError) return error
  const details = stream === undefined ? {} : { stream }
  if (error instanceof WrongExpectedVersionError) {
    const { actualVersion, expectedVersion } = error
    return new AppError('CONCURRENT_MODIFICATION', `${stream} has moved on`, {
      retryable: true,
      cause: error,
      details: { ...details, expected: `${expectedVersion}`, actual: `${actualVersion}` },
    })
  }
  const options = { cause: error, details }
  if (error instanceof StreamDeletedError)
    return new AppError('STREAM_DELETED', `${stream} was deleted for good`, options)
  if (error instanceof MaxAppendSizeExceededError)
    return new AppError(
      'EVENT_TOO_LARGE',
      'The append is larger than the event store takes',
      options,
    )
  if (isTransient(error) || isUnexplained(error))
    return new AppError('EVENT_STORE_UNAVAILABLE', 'The event store is not available', {
      ...options,
      retryable: true,
    })
  if (error instanceof AccessDeniedError)
    return new AppError('EVENT_STORE_REJECTED', 'The event store denied access', options)
  return new AppError('EVENT_STORE_REJECTED', 'The event store refused the request', options)
}

/** Nobody knows whether it was done: to be sent again unchanged. A first call while the server is down throws a plain Error. */
export function isTransient(error: unknown): boolean {
  return (
    error instanceof UnavailableError ||
    error instanceof CancelledError ||
    error instanceof TimeoutError ||
    error instanceof DeadlineExceededError ||
    error instanceof NotLeaderError ||
    error instanceof OutOfTimeError ||
    (error instanceof Error && 'code' in error && error.code === UNAVAILABLE)
  )
}

/** Said of a cancelled call as well as of a request the server did not understand. */
export function isUnexplained(error: unknown): boolean {
  return error instanceof UnknownError
}
