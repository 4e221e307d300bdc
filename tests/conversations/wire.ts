import cluster from '@eventstore/db-client/generated/cluster_grpc_pb.js'
import gossip from '@eventstore/db-client/generated/gossip_grpc_pb.js'
import gossipMessages from '@eventstore/db-client/generated/gossip_pb.js'
import operations from '@eventstore/db-client/generated/operations_grpc_pb.js'
import persistent from '@eventstore/db-client/generated/persistent_grpc_pb.js'
import projections from '@eventstore/db-client/generated/projections_grpc_pb.js'
import features from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js'
import sharedMessages from '@eventstore/db-client/generated/shared_pb.js'
import statusMessages from '@eventstore/db-client/generated/status_pb.js'
import streams from '@eventstore/db-client/generated/streams_grpc_pb.js'
import streamMessages from '@eventstore/db-client/generated/streams_pb.js'
import users from '@eventstore/db-client/generated/users_grpc_pb.js'
import any from 'google-protobuf/google/protobuf/any_pb.js'
import duration from 'google-protobuf/google/protobuf/duration_pb.js'
import empty from 'google-protobuf/google/protobuf/empty_pb.js'
import timestamp from 'google-protobuf/google/protobuf/timestamp_pb.js'
import { z } from 'zod'

/** A message as an object: fields by the names of their setters, only what is on the wire. */
export type Message = Record<string, unknown>

/** A generated class; what its message looks like is read from the code of its reader. */
type Class = { deserializeBinaryFromReader: unknown } | undefined

interface Field {
  name: string
  type: string
  nested: Class
  repeated: boolean
}

const files = [
  [cluster, gossip, operations, persistent, projections, features, streams, users],
  [gossipMessages, sharedMessages, statusMessages, streamMessages],
  [duration, empty, timestamp],
].flat()
const method = z.object({ path: z.string(), requestType: z.unknown(), responseType: z.unknown() })

/** The classes of each method's request and response, by its path. */
export const methods = new Map(
  files
    .flatMap((file) => Object.entries(file))
    .filter(([name]) => name.endsWith('Service'))
    .flatMap(([, service]) => Object.values(z.record(z.string(), method).parse(service)))
    .map(({ path, requestType, responseType }) => [
      path,
      { requestType: asClass(requestType), responseType: asClass(responseType) },
    ]),
)

function asClass(value: unknown): Class {
  return typeof value === 'function' && 'deserializeBinaryFromReader' in value ? value : undefined
}

const known = new Map<Class, Map<number, Field>>()

function fieldsOf(type: Class): Map<number, Field> {
  const seen = known.get(type)
  if (seen || !type) return seen ?? new Map()
  const fields = new Map<number, Field>()
  known.set(type, fields)
  const source = String(type.deserializeBinaryFromReader)
  for (const [, number = '', body = ''] of source.matchAll(/case (\d+):\n([\s\S]*?)break;/g))
    fields.set(Number(number), fieldOf(body))
  // Newer than the generated classes: the deadline of a BatchAppend as a duration.
  if (type === streamMessages.BatchAppendReq.Options)
    fields.set(7, {
      name: 'deadlineDuration',
      type: 'Message',
      nested: duration.Duration,
      repeated: false,
    })
  return fields
}

function fieldOf(body: string): Field {
  const [, verb = '', setter = ''] = /msg\.(set|add|get)(\w+)\(/.exec(body) ?? []
  const read = /reader\.read(\w+)/.exec(body)?.[1] ?? 'Map'
  const type = verb === 'get' ? 'Map' : read.replace(/^Packed/, '')
  const name = (verb === 'get' ? setter.replace(/Map$/, '') : setter).replace(/^./, (letter) =>
    letter.toLowerCase(),
  )
  const nested = type === 'Message' ? classNamed(/new ([\w.]+)/.exec(body)?.[1] ?? '') : undefined
  return { name, type, nested, repeated: verb === 'add' }
}

/** A class by the name generated code has for it, or by its type URL. */
function classNamed(name: string): Class {
  const [head = '', ...rest] = name.split('.')
  const wellKnown: Record<string, object> = {
    google_protobuf_any_pb: any,
    google_protobuf_duration_pb: duration,
    google_protobuf_empty_pb: empty,
    google_protobuf_timestamp_pb: timestamp,
  }
  const modules: Record<string, object> = {
    shared_pb: sharedMessages,
    status_pb: statusMessages,
    streams_pb: streamMessages,
    gossip_pb: gossipMessages,
  }
  const root: unknown =
    head === 'proto' ? Reflect.get(globalThis, 'proto') : (wellKnown[head] ?? modules[head])
  const found = rest.reduce<unknown>(
    (at, key) => (isObject(at) || typeof at === 'function' ? Reflect.get(at, key) : undefined),
    root,
  )
  return asClass(found)
}

export function isObject(value: unknown): value is Message {
  return typeof value === 'object' && value !== null
}

/** Bytes of a message; `{$hex}` stands for raw bytes, `{$repeat: [text, times]}` for long ones. */
export function encode(type: Class, message: Message): Buffer {
  const raw = rawBytes(message)
  if (raw) return raw
  const byName = new Map(
    [...fieldsOf(type)].map(([number, field]) => [field.name, { number, ...field }]),
  )
  return Buffer.concat(
    Object.entries(message).flatMap(([name, value]) => {
      const unknown = /^#(\d+)$/.exec(name)?.[1]
      const field = unknown === undefined ? byName.get(name) : { ...BYTES, number: Number(unknown) }
      if (!field) throw new Error(`There is no field ${name}.`)
      if (field.type === 'Map' && isObject(value))
        return Object.entries(value).map((entry) => chunk(field.number, mapEntry(entry)))
      return (field.repeated && Array.isArray(value) ? value : [value]).map((one) =>
        encodeField(field, one),
      )
    }),
  )
}

const BYTES = { name: '', type: 'Bytes', nested: undefined, repeated: false }

function encodeField({ number, type, nested }: Field & { number: number }, value: unknown): Buffer {
  if (type === 'Message' && isObject(value)) return chunk(number, encode(nested, value))
  if (type === 'String' || type === 'Bytes')
    return chunk(number, rawBytes(value) ?? Buffer.from(String(value)))
  return Buffer.concat([
    varint(BigInt(number << 3)),
    varint(BigInt(String(typeof value === 'boolean' ? Number(value) : value))),
  ])
}

function mapEntry([key, value]: [string, unknown]): Buffer {
  return Buffer.concat([chunk(1, Buffer.from(key)), chunk(2, Buffer.from(String(value)))])
}

function chunk(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint(BigInt((number << 3) | 2)), varint(BigInt(bytes.length)), bytes])
}

function rawBytes(value: unknown): Buffer | undefined {
  if (!isObject(value)) return undefined
  const { $hex, $repeat } = value
  if (typeof $hex === 'string') return Buffer.from($hex, 'hex')
  if (!Array.isArray($repeat)) return undefined
  return Buffer.from(String($repeat[0]).repeat(Number($repeat[1])))
}

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0))
    if (rest <= 127n) return Buffer.from(bytes)
  }
}

/** The message in the bytes: every field that is on the wire and no other, unknown ones as `#number`. */
export function decode(type: Class, bytes: Buffer): Message {
  const message: Message = {}
  let packed: Buffer | undefined
  for (let at = 0; at < bytes.length;) {
    const [tag, afterTag] = readVarint(bytes, at)
    const number = Number(tag >> 3n)
    const field = fieldsOf(type).get(number) ?? { ...BYTES, name: `#${number}`, type: 'Unknown' }
    const [value, next] = readVarint(bytes, afterTag)
    const wire = tag & 7n
    if (wire !== 2n && wire !== 0n) return { $undecodable: bytes.toString('hex') }
    at = wire === 2n ? next + Number(value) : next
    const content = wire === 2n ? bytes.subarray(next, at) : undefined
    if (field.name === 'value') packed = content
    const readable = content ? readContent(field, content) : readNumber(field, value)
    const before = message[field.name]
    if (field.type === 'Map')
      message[field.name] = { ...(isObject(before) && before), ...(isObject(readable) && readable) }
    else if (field.repeated)
      message[field.name] = [...(Array.isArray(before) ? before : []), readable]
    else message[field.name] = readable
  }
  if (typeof message['typeUrl'] === 'string')
    message['value'] = decode(
      classNamed(`proto.${message['typeUrl'].split('/').at(-1)}`),
      packed ?? Buffer.alloc(0),
    )
  return message
}

function readContent({ type, nested }: Field, content: Buffer): unknown {
  if (type === 'Message') return decode(nested, content)
  if (type !== 'Map') return textOrHex(content)
  const { '#1': key = '', '#2': text = '' } = decode(undefined, content)
  return { [String(key)]: text }
}

function readNumber({ type }: Field, value: bigint): unknown {
  if (type === 'Bool') return value !== 0n
  if (type === 'Int64String') return `${BigInt.asIntN(64, value)}`
  return /64|Unknown/.test(type) ? `${value}` : Number(BigInt.asIntN(64, value))
}

function textOrHex(bytes: Buffer): unknown {
  const text = bytes.toString('utf8')
  const isText = Buffer.from(text).equals(bytes) && !bytes.subarray(0, 2_000).some(isControl)
  if (!isText) return { $hex: bytes.toString('hex') }
  const [first = ''] = text
  return text.length > 2_000 && text === first.repeat(text.length)
    ? { $repeat: [first, text.length] }
    : text
}

function isControl(code: number): boolean {
  return code < 0x20 && ![9, 10, 11, 12, 13].includes(code)
}

function readVarint(bytes: Buffer, from: number): [bigint, number] {
  let value = 0n
  for (let at = from, shift = 0n; ; at++, shift += 7n) {
    const byte = bytes[at]
    if (byte === undefined) return [value, bytes.length]
    value |= BigInt(byte & 127) << shift
    if (byte < 128) return [value, at + 1]
  }
}
