import type shared from '@eventstore/db-client/generated/shared_pb.js'
import type streams from '@eventstore/db-client/generated/streams_pb.js'
import type { ProposedEvent } from '../append-events.ts'
import type { Expected } from '../rules/expected-revision.ts'
import { invalidArgument, missingMetadata, notValid, thrownByHandler } from './errors.ts'
import { NIL_UUID, uuidText } from './uuid.ts'

type ProposedMessage = streams.AppendReq.ProposedMessage | streams.BatchAppendReq.ProposedMessage

const TEXT_BYTES_MAX = 0xffff
/** Less the `$$` before the name of its metadata stream. */
const NAME_BYTES_MAX = TEXT_BYTES_MAX - 2
const JSON_TYPE = 'application/json'

/** The data of one append together may take this much. */
export const APPEND_BYTES_MAX = 1024 * 1024

/** Data, metadata and types of one append together may take this much, so that it fits into one record. */
export const RECORDED_BYTES_MAX = 18 * 1024 * 1024

/** Bytes of a proposed event that count towards `RECORDED_BYTES_MAX`. */
export function recordedBytes(event: ProposedEvent): number {
  return event.data.length + event.metadata.length + Buffer.byteLength(event.type) + 100
}

/** Reads an event a writer proposes; throws a ServiceError where it is not one. */
export function proposedEvent(message: ProposedMessage): ProposedEvent {
  const properties = message.getMetadataMap()
  const type = required(properties.get('type'), 'type')
  const contentType = required(properties.get('content-type'), 'content-type')
  const id = uuidText(message.getId())
  if (id === NIL_UUID) throw thrownByHandler("Empty eventId provided. (Parameter 'eventId')")
  if (type === '') throw thrownByHandler("Empty eventType provided. (Parameter 'eventType')")
  return {
    id,
    type,
    // A store of events knows but the two.
    contentType: contentType === JSON_TYPE ? contentType : 'application/octet-stream',
    metadata: Buffer.from(message.getCustomMetadata_asU8()),
    data: Buffer.from(message.getData_asU8()),
  }
}

/** The name of a stream to read or to write; throws a ServiceError where there is none. */
export function streamName(identifier: shared.StreamIdentifier | undefined): string {
  const name = Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8')
  if (name === '') throw thrownByHandler("Value cannot be null. (Parameter 'value')")
  if (Buffer.byteLength(name) > NAME_BYTES_MAX)
    throw invalidArgument('The stream name is too long.')
  return name
}

/** The name of a stream events may be appended to: the metadata of no stream is none. */
export function appendedStreamName(identifier: shared.StreamIdentifier | undefined): string {
  const name = streamName(identifier)
  if (name !== '$$') return name
  const reason =
    "Specified argument was out of the range of valid values. (Parameter 'eventStreamId')"
  throw thrownByHandler(reason)
}

/** Where a request says what its writer expects. */
interface ExpectationOptions {
  hasNoStream: () => boolean
  hasStreamExists: () => boolean
  hasAny: () => boolean
}

/** What the writer expects; decimal text is an exact revision, and `type` the name of the choice in EventStoreDB. */
export function expectedOf(
  options: ExpectationOptions | undefined,
  revision: string | undefined,
  type: string,
): Expected {
  if (options?.hasNoStream()) return 'no_stream'
  if (options?.hasStreamExists()) return 'stream_exists'
  if (options?.hasAny()) return 'any'
  if (revision === undefined) throw notValid('None', type)
  const number = BigInt.asIntN(64, BigInt(revision))
  if (number < -1n) throw thrownByHandler()
  return number === -1n ? 'no_stream' : Number(number)
}

function required(value: string | undefined, property: string): string {
  if (value === undefined) throw missingMetadata(property)
  return value
}
