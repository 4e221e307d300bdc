import {
  close,
  closeSync,
  existsSync,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  read,
  readFileSync,
  readSync,
  renameSync,
  write,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { FatalError, FILE_HEADER } from './record.ts'
import { type LogVisitor, recoverLog } from './recover.ts'

const syncData = promisify(fdatasync)
const readAt = promisify(read)
const writeAt = promisify(write)

/** One append-only file. Nothing below `end` ever changes. */
export interface LogFile {
  end: () => number
  /** Bytes an unfinished write had left behind at the end and that were cut off at start. */
  cutBytes: number
  /** Writes behind the end and returns once the bytes are on disk. */
  append: (bytes: Buffer) => Promise<void>
  read: (position: number, bytes: number) => Promise<Buffer>
  readSync: (position: number, bytes: number) => Buffer
  close: () => Promise<void>
}

/** Opens or creates the log and reads it once, from the end of an intact record `start` on where that is known. */
export function openLogFile(
  path: string,
  visitor: LogVisitor,
  start = FILE_HEADER.length,
): LogFile {
  closeSync(openSync(path, 'a+', 0o600))
  const fd = openSync(path, 'r+')
  const size = prepareHeader(fd, path)
  let end = recoverLog(fd, start, size, visitor)
  const noted = readNotedEnd(path)
  if (end < noted) throw missingUpTo(path, end, noted)
  if (end < size) {
    ftruncateSync(fd, end)
    fsyncSync(fd)
  }
  return {
    end: () => end,
    cutBytes: size - end,
    append: async (bytes) => {
      for (let written = 0; written < bytes.length;) {
        const step = await writeAt(fd, bytes, written, bytes.length - written, end + written)
        written += step.bytesWritten
      }
      await syncData(fd)
      end += bytes.length
    },
    read: async (position, bytes) => {
      const { buffer, bytesRead } = await readAt(fd, Buffer.allocUnsafe(bytes), 0, bytes, position)
      return whole(buffer, bytesRead, position)
    },
    readSync: (position, bytes) => {
      const buffer = Buffer.allocUnsafe(bytes)
      return whole(buffer, readSync(fd, buffer, 0, bytes, position), position)
    },
    close: async () => {
      noteEnd(path, end)
      await promisify(close)(fd)
    },
  }
}

/** Reads the whole log, and changes nothing. Throws FatalError where it is damaged. */
export function checkLogFile(path: string, onProgress: LogVisitor['onProgress']) {
  const fd = openSync(path, 'r')
  try {
    const { size } = fstatSync(fd)
    checkHeader(fd, path)
    let events = 0
    const onFrame = () => void events++
    const visitor = { onFrame, ...(onProgress && { onProgress }) }
    const bytes = recoverLog(fd, Math.min(size, FILE_HEADER.length), size, visitor)
    const noted = readNotedEnd(path)
    if (bytes < noted) throw missingUpTo(path, bytes, noted)
    return { events, bytes, unfinishedBytes: size - bytes }
  } finally {
    closeSync(fd)
  }
}

/** A file shorter than its header was being created when its server died. */
function prepareHeader(fd: number, path: string): number {
  if (checkHeader(fd, path) === FILE_HEADER.length) return fstatSync(fd).size
  writeSync(fd, FILE_HEADER, 0, FILE_HEADER.length, 0)
  fsyncSync(fd)
  syncFolder(dirname(path))
  return FILE_HEADER.length
}

/** Bytes of the header that are there. */
function checkHeader(fd: number, path: string): number {
  const header = Buffer.alloc(FILE_HEADER.length)
  const headerBytes = readSync(fd, header, 0, header.length, 0)
  const found = header.subarray(0, headerBytes)
  if (!found.equals(FILE_HEADER.subarray(0, headerBytes)))
    throw new FatalError(`${path} is not an event log of this server: its first bytes are others.`)
  return headerBytes
}

/** Where the log ended when a server last ended in good order: all before it was on disk. 0 where that is not known. */
function readNotedEnd(path: string): number {
  const note = notePath(path)
  const text = existsSync(note) ? readFileSync(note, 'utf8').trim() : '0'
  if (/^\d+$/.test(text)) return Number(text)
  throw new FatalError(`${note} does not hold the end of an event log.`)
}

function missingUpTo(path: string, end: number, noted: number): FatalError {
  return new FatalError(
    `The event log can be read up to byte ${end}, but held ${noted} bytes when its server last stopped. ` +
      `Nothing was cut; restore ${path} from a backup, or delete ${notePath(path)} to accept the loss.`,
  )
}

function noteEnd(path: string, end: number): void {
  const unfinished = `${notePath(path)}.new`
  writeFileSync(unfinished, `${end}\n`, { flush: true })
  renameSync(unfinished, notePath(path))
  syncFolder(dirname(path))
}

function notePath(path: string): string {
  return `${path}.end`
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  fsyncSync(folder)
  closeSync(folder)
}

function whole(buffer: Buffer, bytesRead: number, position: number): Buffer {
  if (bytesRead === buffer.length) return buffer
  throw new FatalError(`The event log ends early: ${bytesRead} bytes at ${position}.`)
}
