import type shared from '@eventstore/db-client/generated/shared_pb.js'
import type streams from '@eventstore/db-client/generated/streams_pb.js'
import type { ProposedEvent } from '../append-events.ts'
import type { Expected } from '../rules/expected-revision.ts'
import { invalidArgument, missingMetadata } from './errors.ts'

type ProposedMessage = streams.AppendReq.ProposedMessage | streams.BatchAppendReq.ProposedMessage

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const TEXT_BYTES_MAX = 0xffff
/** Less the `$$` before the name of its metadata stream. */
const NAME_BYTES_MAX = TEXT_BYTES_MAX - 2

/** Data, metadata and type of one append together may take this much. */
export const APPEND_BYTES_MAX = 1024 * 1024

/** Reads an event a writer proposes; throws a ServiceError where it is not one. */
export function proposedEvent(message: ProposedMessage): ProposedEvent {
  const properties = message.getMetadataMap()
  return {
    id: uuidText(message.getId()),
    type: shortText(properties.get('type'), 'type'),
    contentType: shortText(properties.get('content-type'), 'content-type'),
    metadata: Buffer.from(message.getCustomMetadata_asU8()),
    data: Buffer.from(message.getData_asU8()),
  }
}

/** Bytes of an event that count towards the limit of an append. */
export function countedBytes(event: ProposedEvent): number {
  return event.data.length + event.metadata.length + Buffer.byteLength(event.type)
}

/** The stream's name; throws a ServiceError where there is none. */
export function streamName(identifier: shared.StreamIdentifier | undefined): string {
  const name = Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8')
  if (name === '') throw invalidArgument('A stream name is required.')
  if (Buffer.byteLength(name) > NAME_BYTES_MAX)
    throw invalidArgument('The stream name is too long.')
  return name
}

/** A UUID as lower-case text, from either of its two wire forms; refuses others in EventStoreDB's words. */
export function uuidText(uuid: shared.UUID | undefined): string {
  if (!uuid) throw invalidArgument("Value cannot be null. (Parameter 'dto')")
  const structured = uuid.getStructured()
  if (structured) return structuredText(structured)
  if (!uuid.hasString()) throw invalidArgument("Invalid argument: None (Parameter 'dto')")
  const text = uuid.getString().toLowerCase()
  if (!UUID.test(text)) throw invalidArgument('Unrecognized Guid format.')
  return text
}

/** What the writer expects; decimal text is an exact revision. */
export function expectedOf(options: {
  hasNoStream: () => boolean
  hasStreamExists: () => boolean
  revision: () => string | undefined
}): Expected {
  if (options.hasNoStream()) return 'no_stream'
  if (options.hasStreamExists()) return 'stream_exists'
  const revision = options.revision()
  return revision === undefined ? 'any' : Number(revision)
}

function shortText(value: string | undefined, property: string): string {
  if (value === undefined) throw missingMetadata(property)
  if (Buffer.byteLength(value) > TEXT_BYTES_MAX)
    throw invalidArgument(`The ${property} is too long.`)
  return value
}

function structuredText(structured: shared.UUID.Structured): string {
  const halves = [structured.getMostSignificantBits(), structured.getLeastSignificantBits()]
  const hex = halves
    .map((half) => BigInt.asUintN(64, BigInt(half)).toString(16).padStart(16, '0'))
    .join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
