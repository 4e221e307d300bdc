import * as fc from 'fast-check'

const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 }

/** Texts that mean something in messages, or nearly do. */
const texts = fc.oneof(
  fc.constantFrom('', 'a', '$all', '$$', '$$a', '$$$all', 'type', 'content-type', '(', '(?i)x'),
  fc.constantFrom('$>', '$metadata', '0@a', '{"$maxCount":2.5}', '{"$tb":1e400}', 'null', '[[['),
  fc.constantFrom('00000000-0000-0000-0000-000000000000', 'not-a-uuid', 'application/json'),
  fc.uuid(),
  fc.string({ unit: 'binary' }),
)
const leaves = fc.oneof(
  texts.map((text) => Buffer.from(text)),
  // Half of a surrogate pair, and bytes that are no text at all.
  fc.constantFrom(Buffer.from('eda080', 'hex'), Buffer.from('ff00fe', 'hex')),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
)
const numbers = fc.oneof(
  fc.constantFrom(0n, 1n, 2n, 31n, 32n, (1n << 31n) - 1n, 1n << 32n, (1n << 63n) - 1n),
  fc.constantFrom(1n << 63n, (1n << 64n) - 1n),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
)

/** Bytes that are protobuf, whether or not they are the message a method takes. */
const { message } = fc.letrec<{ message: Buffer; field: Buffer }>((tie) => ({
  message: fc
    .array(tie('field'), { maxLength: 6, depthIdentifier: 'message' })
    .map((fields) => Buffer.concat(fields)),
  field: fc
    .tuple(fc.integer({ min: 1, max: 12 }), numbers, fc.oneof(leaves, tie('message')), fc.nat(9))
    .map(([field, number, content, kind]) => fieldOf(field, number, content, kind)),
}))

/** Anything: garbage, protobuf of no known shape, and the given messages with a byte, a field or their end changed. */
export function oddMessage(valid: Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const changed = fc
    .tuple(fc.constantFrom(...valid), fc.nat(), fc.nat(255), fc.nat(3), message)
    .map(([bytes, at, value, how, other]) => change(Buffer.from(bytes), { at, value, how, other }))
  return fc.oneof(
    { arbitrary: fc.uint8Array({ maxLength: 60 }), weight: 1 },
    { arbitrary: message, weight: 2 },
    { arbitrary: changed, weight: 4 },
  )
}

interface Change {
  at: number
  value: number
  how: number
  other: Buffer
}

function change(bytes: Buffer, { at, value, how, other }: Change): Buffer {
  const index = at % (bytes.length + 1)
  if (how === 0) return Buffer.concat([bytes.subarray(0, index), other])
  if (how === 1) return Buffer.concat([bytes, other])
  if (how === 2) return bytes.subarray(0, index)
  bytes[index % bytes.length] = value
  return bytes
}

function fieldOf(field: number, number: bigint, content: Uint8Array, kind: number): Buffer {
  if (kind < 3) return Buffer.concat([varint(tag(field, WIRE.varint)), varint(number)])
  if (kind === 3) return Buffer.concat([varint(tag(field, WIRE.fixed64)), Buffer.alloc(8, 0xff)])
  if (kind === 4) return Buffer.concat([varint(tag(field, WIRE.fixed32)), Buffer.alloc(4, 0xff)])
  return Buffer.concat([
    varint(tag(field, WIRE.bytes)),
    varint(BigInt(content.length)),
    Buffer.from(content),
  ])
}

function tag(field: number, wireType: number): bigint {
  return BigInt(field * 8 + wireType)
}

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 0x80n) return Buffer.from([...bytes, Number(rest)])
    bytes.push(Number(rest & 0x7fn) | 0x80)
  }
}
