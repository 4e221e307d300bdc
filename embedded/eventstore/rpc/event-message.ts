import type streams from '@eventstore/db-client/generated/streams_pb.js'
import type { StoredEvent } from '../log/frame.ts'

/** The message on the wire; events come as the bytes they are sent as. */
export function serializeReadResponse(response: streams.ReadResp | Buffer): Buffer {
  return Buffer.isBuffer(response) ? response : Buffer.from(response.serializeBinary())
}

/** Of a field: its number and how it is written. */
const TAG = { event: 0x0a, link: 0x12, position: 0x18 }
const RECORDED = {
  id: 0x0a,
  stream: 0x12,
  revision: 0x18,
  prepare: 0x20,
  commit: 0x28,
  property: 0x32,
  metadata: 0x3a,
  data: 0x42,
}
const NAME = 0x1a
const TEXT_ID = 0x12
const STRUCTURED_ID = 0x0a
const HIGH_BITS = 0x08
const LOW_BITS = 0x10
const KEY = 0x0a
const VALUE = 0x12

/** Bytes beside texts, data and metadata, at most; a character takes at most three. */
const FIXED_BYTES = 512
const CHARACTER_BYTES = 3

const FIVE_BYTES = 0x80000000n

let scratch = Buffer.allocUnsafe(64 * 1024)
/** Where what has been written begins: it is written from its end to its start, so that each length is known in time. */
let at = 0

/**
 * The bytes of the ReadResp that carries an event and, where it came through one, its link: those the generated classes
 * make of it, in a fraction of the time.
 */
export function eventResponse(
  event: StoredEvent | undefined,
  link: StoredEvent | undefined,
  textIds: boolean,
): Buffer {
  const needed = roomFor(event) + roomFor(link)
  if (scratch.length < needed) scratch = Buffer.allocUnsafe(needed * 2)
  at = scratch.length
  const { position } = link ?? event ?? { position: 0 }
  number(TAG.position, position)
  if (link) message(TAG.link, () => recordedEvent(link, textIds))
  if (event) message(TAG.event, () => recordedEvent(event, textIds))
  number(TAG.event, scratch.length - at)
  return Buffer.from(scratch.subarray(at))
}

function roomFor(event: StoredEvent | undefined): number {
  if (!event) return FIXED_BYTES
  const { stream, type, contentType, metadata, data } = event
  const characters = stream.length + type.length + contentType.length
  return FIXED_BYTES + characters * CHARACTER_BYTES + metadata.length + data.length
}

function recordedEvent(event: StoredEvent, textIds: boolean): void {
  const { position, revision, metadata, data } = event
  if (data.length > 0) bytes(RECORDED.data, data)
  if (metadata.length > 0) bytes(RECORDED.metadata, metadata)
  property('type', event.type)
  // Units of 100 ns since the Unix epoch.
  property('created', `${Math.trunc(event.createdMs)}0000`)
  property('content-type', event.contentType)
  if (position > 0) {
    number(RECORDED.commit, position)
    number(RECORDED.prepare, position)
  }
  if (revision > 0n) number(RECORDED.revision, revision < FIVE_BYTES ? Number(revision) : revision)
  message(RECORDED.stream, () => text(NAME, event.stream))
  message(RECORDED.id, () => {
    if (textIds) text(TEXT_ID, event.id)
    else structuredId(event.id.replaceAll('-', ''))
  })
}

function structuredId(hex: string): void {
  message(STRUCTURED_ID, () => {
    const [high, low] = [BigInt(`0x${hex.slice(0, 16)}`), BigInt(`0x${hex.slice(16)}`)]
    if (low > 0n) number(LOW_BITS, low)
    if (high > 0n) number(HIGH_BITS, high)
  })
}

function property(key: string, value: string): void {
  message(RECORDED.property, () => {
    text(VALUE, value)
    text(KEY, key)
  })
}

function message(tag: number, write: () => void): void {
  const end = at
  write()
  number(tag, end - at)
}

function text(tag: number, value: string): void {
  const length = Buffer.byteLength(value)
  at -= length
  scratch.write(value, at)
  number(tag, length)
}

function bytes(tag: number, value: Buffer): void {
  at -= value.length
  scratch.set(value, at)
  number(tag, value.length)
}

/** A tag and an unsigned number, seven bits a byte. */
function number(tag: number, value: number | bigint): void {
  if (typeof value === 'number' && value < 0x80000000) smallVarint(value)
  else wideVarint(BigInt(value))
  scratch[--at] = tag
}

function smallVarint(value: number): void {
  const length =
    value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5
  at -= length
  let rest = value
  for (let place = at; place < at + length - 1; place++) {
    scratch[place] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  scratch[at + length - 1] = rest
}

function wideVarint(value: bigint): void {
  let length = 1
  for (let rest = value >> 7n; rest > 0n; rest >>= 7n) length++
  at -= length
  let rest = value
  for (let place = at; place < at + length; place++) {
    scratch[place] = Number(rest & 0x7fn) | (place === at + length - 1 ? 0 : 0x80)
    rest >>= 7n
  }
}
