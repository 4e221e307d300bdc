import { closeSync, fstatSync, openSync, readSync, rmSync } from 'node:fs'
import { type FileHandle, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { z } from 'zod'
import type { IndexContent } from './index.ts'
import { growablePositions, type Positions, positionsBytes } from './positions.ts'
import { FILE_HEADER, isIntact, RECORD_HEADER_BYTES, recordBytes } from './record.ts'
import { fillSlots, newStreamTable, type StreamTable } from './stream-table.ts'

/** The file's layout; one of another version is ignored. */
const VERSION = 1
const MAGIC = Buffer.from('STOREWRIGHT IDX\n')
const HEADER_LENGTH_BYTES = 4
const CHECKSUM_BYTES = 4
const STEP_BYTES = 1024 * 1024
/** So much is written between two syncs, so that an append does not have to wait until a large file is on disk. */
const SYNC_BYTES = 8 * STEP_BYTES

const count = z.number().int().nonnegative()
const header = z.object({
  version: z.literal(VERSION),
  end: count,
  events: count,
  streams: count,
  streamEvents: count,
  nameBytes: count,
  firstRecord: z.string(),
  lastRecord: z.string(),
  lastRecordAt: count,
  metadata: z.array(z.tuple([z.string(), z.looseObject({})])),
})

/** What the index was when the log ended at `end`. */
export interface Checkpoint extends IndexContent {
  end: number
}

/** Path of the checkpoint that lies beside a log. */
export function checkpointPath(log: string): string {
  return `${log}.checkpoint`
}

/** Why there is no index to start with; the log itself is the truth, so it is read. */
class Unusable extends Error {}

/** The index beside the log as far as it can be trusted; otherwise why it cannot, in words. */
export function readCheckpoint(log: string): Checkpoint | string {
  const path = checkpointPath(log)
  let fd: number | undefined
  try {
    rmSync(`${path}.new`, { force: true })
    fd = openSync(path, 'r')
    return contentOf(fd, log)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'missing'
    return error instanceof Error ? error.message : String(error)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

function contentOf(fd: number, log: string): Checkpoint {
  const { size } = fstatSync(fd)
  const reader = checkedReader(fd)
  const start = reader.next(Math.min(size, MAGIC.length + HEADER_LENGTH_BYTES))
  if (!start.subarray(0, MAGIC.length).equals(MAGIC)) throw new Unusable('not such a file')
  const headerBytes = start.readUInt32LE(MAGIC.length)
  if (start.length + headerBytes > size) throw new Unusable('damaged')
  const text = reader.next(headerBytes).toString('utf8')
  const found = header.safeParse(jsonOf(text))
  if (!found.success) throw new Unusable('of another version, or damaged')
  const { end, events, streams, streamEvents, nameBytes, metadata } = found.data
  const tableBytes = 4 * (4 * streams + streamEvents) + nameBytes
  const bytes = positionsBytes(events) + tableBytes
  if (start.length + headerBytes + bytes + CHECKSUM_BYTES !== size) throw new Unusable('damaged')
  checkLog(log, found.data)
  const positions = growablePositions(events)
  const table = newStreamTable(streams, nameBytes, streamEvents)
  for (const part of sectionsOf(positions, events, table)) reader.into(part)
  const checksum = reader.checksum()
  if (reader.next(CHECKSUM_BYTES).readUInt32LE(0) !== checksum) throw new Unusable('damaged')
  for (const _ of fillSlots(table));
  return { end, events, positions, table, metadata }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function* sectionsOf(positions: Positions, events: number, table: StreamTable) {
  yield* positions.parts(events)
  for (const words of [
    table.hashes,
    table.nameEnds,
    table.eventEnds,
    table.tombstones,
    table.events,
  ])
    yield new Uint8Array(words.buffer)
  yield new Uint8Array(table.names.buffer)
}

/** Reads on and on, and keeps the checksum of what was read. */
function checkedReader(fd: number) {
  let checksum = 0
  const into = (target: Uint8Array) => {
    for (let at = 0; at < target.length;) {
      const bytes = readSync(fd, target, at, Math.min(STEP_BYTES, target.length - at), null)
      if (bytes === 0) throw new Unusable('cut short')
      checksum = crc32(target.subarray(at, at + bytes), checksum)
      at += bytes
    }
  }
  return {
    into,
    next: (bytes: number) => {
      const buffer = Buffer.alloc(bytes)
      into(buffer)
      return buffer
    },
    checksum: () => checksum,
  }
}

type Identity = Pick<z.infer<typeof header>, 'end' | 'firstRecord' | 'lastRecord' | 'lastRecordAt'>

/** The log must begin as the indexed one did, and hold its last record whole where it was. */
function checkLog(log: string, { end, firstRecord, lastRecord, lastRecordAt }: Identity): void {
  const fd = openSync(log, 'r')
  try {
    if (fstatSync(fd).size < end) throw new Unusable('of a log that was longer')
    const known = [firstRecord, lastRecord]
    const found = [FILE_HEADER.length, lastRecordAt].map((at) => recordHeader(fd, at))
    const last = Buffer.alloc(end - lastRecordAt)
    readSync(fd, last, 0, last.length, lastRecordAt)
    const isWhole = recordBytes(last, 0) === last.length && isIntact(last, lastRecordAt)
    if (found.join() !== known.join() || !isWhole) throw new Unusable('of another log')
  } finally {
    closeSync(fd)
  }
}

/** Length, checksum and offset of a record, which no other record of any log has. */
function recordHeader(fd: number, at: number): string {
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES)
  readSync(fd, bytes, 0, bytes.length, at)
  return bytes.toString('hex')
}

/** Writes the checkpoint whole or not at all; returns its length. What is written must be on disk in the log. */
export async function writeCheckpoint(
  log: string,
  { end, events, positions, table, metadata }: Checkpoint,
): Promise<number> {
  const path = checkpointPath(log)
  const unfinished = `${path}.new`
  const lastRecordAt = positions.at(positions.firstOfRecord(events - 1)) - RECORD_HEADER_BYTES
  const fd = openSync(log, 'r')
  const identity = {
    firstRecord: recordHeader(fd, FILE_HEADER.length),
    lastRecord: recordHeader(fd, lastRecordAt),
    lastRecordAt,
  }
  closeSync(fd)
  const streams = table.hashes.length
  const counts = { streams, streamEvents: table.events.length, nameBytes: table.names.length }
  const text = JSON.stringify({ version: VERSION, end, events, ...counts, ...identity, metadata })
  const lengthField = Buffer.alloc(HEADER_LENGTH_BYTES)
  lengthField.writeUInt32LE(Buffer.byteLength(text))
  const parts = function* () {
    yield Buffer.concat([MAGIC, lengthField, Buffer.from(text)])
    yield* sectionsOf(positions, events, table)
  }
  try {
    const file = await open(unfinished, 'w', 0o600)
    const bytes = await writeSections(file, parts()).finally(() => file.close())
    await rename(unfinished, path)
    const folder = await open(dirname(path), 'r')
    await folder.sync().finally(() => folder.close())
    return bytes
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw error
  }
}

/** Copies before it awaits: the last part of the positions is one that still grows. */
async function writeSections(file: FileHandle, parts: Iterable<Uint8Array>): Promise<number> {
  const step = Buffer.allocUnsafe(STEP_BYTES)
  let filled = 0
  let written = 0
  let checksum = 0
  const flush = async () => {
    checksum = crc32(step.subarray(0, filled), checksum)
    await file.writeFile(step.subarray(0, filled))
    written += filled
    filled = 0
    if (written % SYNC_BYTES === 0) await file.datasync()
  }
  for (const part of parts)
    for (let at = 0; at < part.length;) {
      const bytes = Math.min(STEP_BYTES - filled, part.length - at)
      step.set(part.subarray(at, at + bytes), filled)
      filled += bytes
      at += bytes
      if (filled === STEP_BYTES) await flush()
    }
  await flush()
  const trailer = Buffer.alloc(CHECKSUM_BYTES)
  trailer.writeUInt32LE(checksum)
  await file.writeFile(trailer)
  await file.sync()
  return written + CHECKSUM_BYTES
}
