import {
  close,
  closeSync,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  read,
  readSync,
  write,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { FatalError } from '../fatal-error.ts'
import { FILE_HEADER } from './record.ts'
import { type OnFrame, recoverLog } from './recover.ts'

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

/** Opens or creates the log and reads all of it once. */
export function openLogFile(path: string, onFrame: OnFrame): LogFile {
  const fd = openSync(path, 'a+', 0o600)
  closeSync(fd)
  return openExisting(path, onFrame)
}

function openExisting(path: string, onFrame: OnFrame): LogFile {
  const fd = openSync(path, 'r+')
  const size = prepareHeader(fd, path)
  let end = recoverLog(fd, size, onFrame)
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
    close: () => promisify(close)(fd),
  }
}

/** A file shorter than its header was being created when its server died. */
function prepareHeader(fd: number, path: string): number {
  const { size } = fstatSync(fd)
  const header = Buffer.alloc(FILE_HEADER.length)
  const headerBytes = readSync(fd, header, 0, header.length, 0)
  const found = header.subarray(0, headerBytes)
  if (!found.equals(FILE_HEADER.subarray(0, headerBytes)))
    throw new FatalError(`${path} is not an event log of this server: its first bytes are others.`)
  if (headerBytes === FILE_HEADER.length) return size
  writeSync(fd, FILE_HEADER, 0, FILE_HEADER.length, 0)
  fsyncSync(fd)
  syncFolder(dirname(path))
  return FILE_HEADER.length
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
