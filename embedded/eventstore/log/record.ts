import { crc32 } from 'node:zlib'

/** First bytes of every log file; the first event's position is therefore above 0. */
export const FILE_HEADER = Buffer.from('STOREWRIGHT LOG1')

/** length u32 and crc32 u32 of the body; the body starts with a mark and the record's own offset. */
export const RECORD_HEADER_BYTES = 20
const BODY_OFFSET = 8
const MARK = Buffer.from([0xf0, 0x53, 0x57, 0x0f])

/** A record is one group commit: whole appends only, so a torn write loses nothing acknowledged. */
export const RECORD_BYTES_MAX = 24 * 1024 * 1024

/** Fills in the header of a record whose frames are already in place behind it. */
export function sealRecord(record: Buffer, fileOffset: number): void {
  MARK.copy(record, BODY_OFFSET)
  record.writeDoubleLE(fileOffset, BODY_OFFSET + MARK.length)
  record.writeUInt32LE(record.length - BODY_OFFSET, 0)
  record.writeUInt32LE(crc32(record.subarray(BODY_OFFSET)), 4)
}

/** Bytes of the record that starts at `offset`, by its length field; undefined where it makes no sense. */
export function recordBytes(source: Buffer, offset: number): number | undefined {
  if (offset + RECORD_HEADER_BYTES > source.length) return undefined
  const bytes = source.readUInt32LE(offset) + BODY_OFFSET
  if (bytes < RECORD_HEADER_BYTES || bytes > RECORD_BYTES_MAX) return undefined
  return bytes
}

/** Whether `record`, exactly one record long, is what was written at `fileOffset`. */
export function isIntact(record: Buffer, fileOffset: number): boolean {
  return record.readDoubleLE(BODY_OFFSET + MARK.length) === fileOffset && isWhole(record)
}

/** Whether `record` is one that was written, wherever that was. */
export function isWhole(record: Buffer): boolean {
  return crc32(record.subarray(BODY_OFFSET)) === record.readUInt32LE(4)
}

/** Offset in `source` at or after `from` where a record may start; -1 where there is none. */
export function nextCandidate(source: Buffer, from: number): number {
  const mark = source.indexOf(MARK, from + BODY_OFFSET)
  return mark === -1 ? -1 : mark - BODY_OFFSET
}

/** The server cannot go on, or cannot start; the message is a sentence for the operator. */
export class FatalError extends Error {
  override readonly name = 'FatalError'
}
