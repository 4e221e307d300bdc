import { readSync } from 'node:fs'
import { FatalError } from './record.ts'
import { readFrameBytes } from './frame.ts'
import {
  FILE_HEADER,
  isIntact,
  isWhole,
  nextCandidate,
  RECORD_BYTES_MAX,
  RECORD_HEADER_BYTES,
  recordBytes,
} from './record.ts'

const CHUNK_BYTES = RECORD_BYTES_MAX

/** Called for every event in log order, with the frame's place in `buffer` and in the file. */
export type OnFrame = (buffer: Buffer, offset: number, position: number) => void

/**
 * Reads the whole log and returns the offset behind its last intact record. What follows it is a write that was never
 * acknowledged. Throws FatalError, naming the byte, where intact records follow a damaged one.
 */
export function recoverLog(fd: number, size: number, onFrame: OnFrame): number {
  let end = FILE_HEADER.length
  while (end < size) {
    const chunk = readChunk(fd, end, size)
    const consumed = readRecords(chunk, end, onFrame)
    if (consumed === 0) break
    end += consumed
  }
  if (end < size) refuseDamage(fd, end, size)
  return end
}

function readRecords(chunk: Buffer, fileOffset: number, onFrame: OnFrame): number {
  for (let at = 0; ;) {
    const bytes = recordBytes(chunk, at)
    if (bytes === undefined || at + bytes > chunk.length) return at
    if (!isIntact(chunk.subarray(at, at + bytes), fileOffset + at)) return at
    const recordEnd = at + bytes
    for (let frame = at + RECORD_HEADER_BYTES; frame < recordEnd;) {
      onFrame(chunk, frame, fileOffset + frame)
      frame += readFrameBytes(chunk, frame)
    }
    at = recordEnd
  }
}

/**
 * Only the last write can be torn, and it is never longer than one record. An intact record behind the unreadable bytes,
 * even one that was written at another offset, and bytes behind the length an unreadable record gives are damage.
 */
function refuseDamage(fd: number, damaged: number, size: number): void {
  const given = recordBytes(readChunk(fd, damaged, size), 0)
  if (given !== undefined && damaged + given < size && !isZero(fd, damaged + given, size))
    throw damageAt(damaged, damaged + given)
  for (let from = damaged; from < size;) {
    const chunk = readChunk(fd, from, size)
    for (
      let at = nextCandidate(chunk, from === damaged ? 0 : 1);
      at !== -1;
      at = nextCandidate(chunk, at + 1)
    ) {
      const bytes = recordBytes(chunk, at)
      if (bytes === undefined || at + bytes > chunk.length) continue
      if (isWhole(chunk.subarray(at, at + bytes))) throw damageAt(damaged, from + at)
    }
    from += from + chunk.length < size ? RECORD_BYTES_MAX : chunk.length
  }
  if (size - damaged > RECORD_BYTES_MAX) throw damageAt(damaged, size)
}

function damageAt(damaged: number, next: number): FatalError {
  return new FatalError(
    `The event log is damaged at byte ${damaged} (${next - damaged} bytes up to byte ${next}). ` +
      'Nothing was changed; restore the file from a backup.',
  )
}

/** A file system may have grown the file by zeros before the write that was torn. */
function isZero(fd: number, from: number, size: number): boolean {
  for (let at = from; at < size; at += CHUNK_BYTES)
    if (readChunk(fd, at, size).some((byte) => byte !== 0)) return false
  return true
}

function readChunk(fd: number, from: number, size: number): Buffer {
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - from))
  for (let filled = 0; filled < chunk.length;) {
    const bytes = readSync(fd, chunk, filled, chunk.length - filled, from + filled)
    if (bytes === 0) return chunk.subarray(0, filled)
    filled += bytes
  }
  return chunk
}
