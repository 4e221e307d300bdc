import streams from '@eventstore/db-client/generated/streams_pb.js'
import { BinaryReader } from 'google-protobuf'
import { thrownByHandler } from './errors.ts'

/** A BatchAppend request, and what the generated classes do not know of it. */
export interface BatchRequest {
  message: streams.BatchAppendReq
  /** Ms until the client gives up; undefined where it did not say. Throws a ServiceError for no time of day. */
  timeoutMs: () => number | undefined
}

const OPTIONS_FIELD = 2
const DURATION_FIELD = 7
const SECONDS_MAX = 253_402_300_799

/** Reads a request; newer clients send their deadline as a duration, older ones as a time of day. */
export function readBatchRequest(bytes: Uint8Array): BatchRequest {
  const message = streams.BatchAppendReq.deserializeBinary(bytes)
  return { message, timeoutMs: () => durationMs(bytes) ?? untilDeadlineMs(message) }
}

function untilDeadlineMs(message: streams.BatchAppendReq): number | undefined {
  const deadline = message.getOptions()?.getDeadline()
  if (!deadline) return undefined
  if (Math.abs(deadline.getSeconds()) > SECONDS_MAX)
    throw thrownByHandler('Timestamp contains invalid values: Seconds={Seconds}; Nanos={Nanos}')
  return deadline.getSeconds() * 1_000 + deadline.getNanos() / 1e6 - Date.now()
}

function durationMs(bytes: Uint8Array): number | undefined {
  const options = fieldOf(bytes, OPTIONS_FIELD)
  const duration = options && fieldOf(options, DURATION_FIELD)
  if (!duration) return undefined
  const reader = new BinaryReader(duration)
  let ms = 0
  while (reader.nextField())
    if (reader.getFieldNumber() === 1) ms += reader.readInt64() * 1_000
    else if (reader.getFieldNumber() === 2) ms += reader.readInt32() / 1e6
    else reader.skipField()
  return ms
}

/** The last occurrence of a field that holds a message. */
function fieldOf(bytes: Uint8Array, field: number): Uint8Array | undefined {
  const reader = new BinaryReader(bytes)
  let found: Uint8Array | undefined
  while (reader.nextField())
    if (reader.getFieldNumber() === field) found = reader.readBytes()
    else reader.skipField()
  return found
}
