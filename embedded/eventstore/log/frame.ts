import { DELETED_REVISION } from '../rules/stream-metadata.ts'

/** An event as it lies in the log; `position` is the byte offset of its frame. */
export interface StoredEvent {
  position: number
  stream: string
  /** Decimal text would not fit a tombstone's revision in a number, hence bigint. */
  revision: bigint
  createdMs: number
  id: string
  type: string
  contentType: string
  metadata: Buffer
  data: Buffer
}

export type UnplacedEvent = Omit<StoredEvent, 'position'>

/** size u32, revision u64, created u64, id 16, stream u16, content type u16, type u32, metadata u32, data u32. */
const HEADER_BYTES = 52
const ID_OFFSET = 20
const TEXT_BYTES_MAX = 0xffff

/** Throws where the event cannot be framed; to be asked before it is accepted, for a write that fails ends the server. */
export function checkFrame({ stream, contentType }: UnplacedEvent): void {
  for (const text of [stream, contentType])
    if (Buffer.byteLength(text) > TEXT_BYTES_MAX)
      throw new RangeError(`A stream name or content type takes more than ${TEXT_BYTES_MAX} bytes.`)
}

/** Bytes the event's frame takes in the log. */
export function frameBytes(event: UnplacedEvent): number {
  const { stream, type, contentType } = event
  const texts = Buffer.byteLength(stream) + Buffer.byteLength(type) + Buffer.byteLength(contentType)
  return HEADER_BYTES + texts + event.metadata.length + event.data.length
}

/** Writes the frame at `offset`; returns the offset behind it. */
export function writeFrame(target: Buffer, offset: number, event: UnplacedEvent): number {
  let at = offset + HEADER_BYTES
  const streamBytes = target.write(event.stream, at)
  const typeBytes = target.write(event.type, (at += streamBytes))
  const contentTypeBytes = target.write(event.contentType, (at += typeBytes))
  event.metadata.copy(target, (at += contentTypeBytes))
  event.data.copy(target, (at += event.metadata.length))
  const end = at + event.data.length
  target.writeUInt32LE(end - offset, offset)
  target.writeBigUInt64LE(event.revision, offset + 4)
  target.writeDoubleLE(event.createdMs, offset + 12)
  target.write(event.id.replaceAll('-', ''), offset + ID_OFFSET, 16, 'hex')
  target.writeUInt16LE(streamBytes, offset + 36)
  target.writeUInt16LE(contentTypeBytes, offset + 38)
  target.writeUInt32LE(typeBytes, offset + 40)
  target.writeUInt32LE(event.metadata.length, offset + 44)
  target.writeUInt32LE(event.data.length, offset + 48)
  return end
}

/** Reads the frame at `offset`; metadata and data share memory with `source`. */
export function readFrame(source: Buffer, offset: number, position: number): StoredEvent {
  const streamEnd = offset + HEADER_BYTES + source.readUInt16LE(offset + 36)
  const typeEnd = streamEnd + source.readUInt32LE(offset + 40)
  const contentTypeEnd = typeEnd + source.readUInt16LE(offset + 38)
  const metadataEnd = contentTypeEnd + source.readUInt32LE(offset + 44)
  const dataEnd = metadataEnd + source.readUInt32LE(offset + 48)
  return {
    position,
    stream: source.toString('utf8', offset + HEADER_BYTES, streamEnd),
    revision: source.readBigUInt64LE(offset + 4),
    createdMs: source.readDoubleLE(offset + 12),
    id: readFrameId(source, offset),
    type: source.toString('utf8', streamEnd, typeEnd),
    contentType: source.toString('utf8', typeEnd, contentTypeEnd),
    metadata: source.subarray(contentTypeEnd, metadataEnd),
    data: source.subarray(metadataEnd, dataEnd),
  }
}

/** Whose the frame at `offset` is: the name of its stream in UTF-8, and whether it ends the stream. */
export function readOwner(source: Buffer, offset: number) {
  const start = offset + HEADER_BYTES
  return {
    name: source.subarray(start, start + source.readUInt16LE(offset + 36)),
    isTombstone: source.readBigUInt64LE(offset + 4) === DELETED_REVISION,
  }
}

/** Bytes of the frame at `offset`. */
export function readFrameBytes(source: Buffer, offset: number): number {
  return source.readUInt32LE(offset)
}

/** Bytes from a frame's start that hold its id. */
export const FRAME_ID_END = ID_OFFSET + 16

/** The event id in the frame at `offset`, as lower-case UUID text. */
export function readFrameId(source: Buffer, offset: number): string {
  const hex = source.toString('hex', offset + ID_OFFSET, offset + FRAME_ID_END)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
