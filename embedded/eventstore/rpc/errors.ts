import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { DamagedRecord } from '../log/read-events.ts'

type Trailers = Record<string, string>

/** Clients refuse trailers of more than some 16 KiB, and a letter takes up to nine bytes there. */
const ENCODED_BYTES_MAX = 6_000
const TEXT_LENGTH_MAX = 500
const UNTOLD = 'Exception was thrown by handler.'

/** An error the client recognises by its `exception` trailer, then by its status code. Texts are EventStoreDB's. */
export function grpcError(code: status, text: string, trailers: Trailers = {}): ServiceError {
  const details = shortened(text)
  const metadata = new Metadata()
  for (const [key, value] of Object.entries(trailers)) metadata.set(key, value)
  return Object.assign(new Error(details), { code, details, metadata })
}

/** The stream has a tombstone. */
export function streamDeleted(stream: string): ServiceError {
  return grpcError(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': headerText(stream),
  })
}

/** The stream is not at the revision a delete expected; -1 stands for no events. */
export function wrongExpectedVersion(
  stream: string,
  expected: string,
  actual: number,
): ServiceError {
  const details = `Delete failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${expected}, Actual version: ${actual}`
  return grpcError(status.FAILED_PRECONDITION, details, {
    exception: 'wrong-expected-version',
    'stream-name': headerText(stream),
    'expected-version': expected,
    'actual-version': `${actual}`,
  })
}

/** The append is larger than a store of events takes. */
export function maximumAppendSizeExceeded(bytesMax: number): ServiceError {
  const details = `Maximum Append Size of ${bytesMax} Exceeded.`
  return grpcError(status.INVALID_ARGUMENT, details, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': `${bytesMax}`,
  })
}

/** An event came without a property every event has. */
export function missingMetadata(property: string): ServiceError {
  const details = `Required Metadata Property '${property}' is missing`
  return grpcError(status.INVALID_ARGUMENT, details, {
    exception: 'missing-required-metadata-property',
    'required-metadata-properties': 'type,content-type',
  })
}

/** A value of the request is none of those it may have; `type` is its name in EventStoreDB. */
export function notValid(value: string, type: string): ServiceError {
  return invalidArgument(`'${value}' is not a valid EventStore.Client.Streams.${type}`)
}

/** The request makes no sense. */
export function invalidArgument(details: string): ServiceError {
  return grpcError(status.INVALID_ARGUMENT, details)
}

/** The request makes no sense, which a batch says in `reason` and a call of its own does not say. */
export function thrownByHandler(reason = UNTOLD): ServiceError {
  return Object.assign(grpcError(status.UNKNOWN, UNTOLD), { reason })
}

/** Why a batch refuses an append, in EventStoreDB's words. */
export function refusalText(error: ServiceError): string {
  if ('reason' in error && typeof error.reason === 'string') return shortened(error.reason)
  if (error.code !== status.INVALID_ARGUMENT) return error.details
  return `Status(StatusCode="InvalidArgument", Detail="${error.details}")`
}

/** The caller may not write there. */
export function accessDenied(): ServiceError {
  return grpcError(status.PERMISSION_DENIED, 'Access Denied.', { exception: 'access-denied' })
}

/** The server is on its way down. */
export function shuttingDown(): ServiceError {
  return grpcError(status.UNAVAILABLE, 'The event store is shutting down.')
}

/** The message is none of its method's, or cut. */
export function malformedMessage(): ServiceError {
  return thrownByHandler()
}

/** The answer there was cannot be put on the wire. */
export function unanswerable(): ServiceError {
  return grpcError(status.INTERNAL, 'The answer could not be sent.')
}

/** Details travel percent-encoded, and half a surrogate pair cannot be encoded. */
function shortened(text: string): string {
  const whole = text.slice(0, ENCODED_BYTES_MAX).toWellFormed()
  if (encodeURIComponent(whole).length <= ENCODED_BYTES_MAX) return whole
  return text.slice(0, TEXT_LENGTH_MAX).toWellFormed()
}

/** Header values are printable ASCII. */
function headerText(value: string): string {
  return shortened(value).replaceAll(/[^\x20-\x7e]/g, '?')
}

/** An error of ours as it is; anything else is a fault of the server. */
export function toServiceError(error: unknown): ServiceError {
  if (isServiceError(error)) return error
  if (error instanceof DamagedRecord) return grpcError(status.DATA_LOSS, error.message)
  return grpcError(status.UNKNOWN, error instanceof Error ? error.message : String(error))
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'details' in error && 'metadata' in error && 'code' in error
}
