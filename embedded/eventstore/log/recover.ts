import { readSync } from 'node:fs'
import { readFrameBytes } from './frame.ts'
import {
  FatalError,
  isIntact,
  isWhole,
  nextCandidate,
  RECORD_BYTES_MAX,
  RECORD_HEADER_BYTES,
  recordBytes,
} from './record.ts'

const CHUNK_BYTES = 4 * 1024 * 1024

/** How long a start may read before it says how far it is. */
const SAY_EVERY_MS = 5_000

/** What is told of the log while it is read. */
export interface LogVisitor {
  /** Of every event in log order: the frame's place in `buffer`, which is overwritten later, and in the file. */
  onFrame: (buffer: Buffer, offset: number, position: number, beginsRecord: boolean) => void
  /** From time to time while much is read. */
  onProgress?: (progress: { readBytes: number; bytes: number }) => void
}

/**
 * Reads the log from `start`, where a record begins, and returns the offset behind its last intact record. What follows
 * it is a write that was never acknowledged. Throws FatalError, naming the byte, where intact records follow a damaged one.
 */
export function recoverLog(fd: number, start: number, size: number, visitor: LogVisitor): number {
  const reader = chunkReader(fd, size)
  let end = start
  let saidAt = performance.now()
  while (end < size) {
    const consumed = readRecords(reader.chunk(end), end, visitor.onFrame)
    if (consumed === 0 && !reader.lengthen()) break
    end += consumed
    if (performance.now() - saidAt < SAY_EVERY_MS) continue
    saidAt = performance.now()
    visitor.onProgress?.({ readBytes: end, bytes: size })
  }
  if (end < size) refuseDamage(fd, end, size)
  return end
}

/** Reads into one buffer, which is lengthened for records that do not fit. */
function chunkReader(fd: number, size: number) {
  let buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size))
  return {
    chunk: (from: number) => readInto(buffer, fd, from, size),
    lengthen: () => {
      const longest = Math.min(RECORD_BYTES_MAX, size)
      if (buffer.length >= longest) return false
      buffer = Buffer.allocUnsafe(longest)
      return true
    },
  }
}

function readRecords(chunk: Buffer, fileOffset: number, onFrame: LogVisitor['onFrame']): number {
  for (let at = 0; ;) {
    const bytes = recordBytes(chunk, at)
    if (bytes === undefined || at + bytes > chunk.length) return at
    if (!isIntact(chunk.subarray(at, at + bytes), fileOffset + at)) return at
    const recordEnd = at + bytes
    for (let frame = at + RECORD_HEADER_BYTES; frame < recordEnd;) {
      onFrame(chunk, frame, fileOffset + frame, frame === at + RECORD_HEADER_BYTES)
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
  for (let at = from; at < size; at += RECORD_BYTES_MAX)
    if (readChunk(fd, at, size).some((byte) => byte !== 0)) return false
  return true
}

function readChunk(fd: number, from: number, size: number): Buffer {
  return readInto(Buffer.allocUnsafe(Math.min(RECORD_BYTES_MAX, size - from)), fd, from, size)
}

/** As much as there is and fits. */
function readInto(buffer: Buffer, fd: number, from: number, size: number): Buffer {
  const chunk = buffer.subarray(0, Math.min(buffer.length, size - from))
  for (let filled = 0; filled < chunk.length;) {
    const bytes = readSync(fd, chunk, filled, chunk.length - filled, from + filled)
    if (bytes === 0) return chunk.subarray(0, filled)
    filled += bytes
  }
  return chunk
}
