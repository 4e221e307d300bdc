import type { LogFile } from './file.ts'
import { FRAME_ID_END, readFrame, readFrameId, type StoredEvent } from './frame.ts'
import type { Positions } from './positions.ts'
import { isIntact, RECORD_HEADER_BYTES, recordBytes } from './record.ts'

/** Events nearer to each other than this are fetched by one read. */
const GAP_BYTES_MAX = 16 * 1024
const READ_BYTES_MAX = 1024 * 1024

/** What was written there is not what is read there now. */
export class DamagedRecord extends Error {
  override readonly name = 'DamagedRecord'

  constructor(position: number) {
    super(`The event log is damaged at byte ${position}. Restore it from a backup.`)
  }
}

interface Source {
  file: LogFile
  positions: Positions
  /** Numbers below it were indexed by an earlier process: their records have not been read since the start. */
  unreadBelow: number
  say: (sentence: string, details: object) => void
}

/** Reads committed events; what was not read at start is checked when it is first read. */
export interface EventReader {
  /** Events by their numbers, which are ascending; neighbours in the file share a read. */
  read: (numbers: number[]) => Promise<StoredEvent[]>
  /** As many of the numbers, from the first on, as one page may take; at least one. */
  pageOf: (numbers: number[]) => number[]
  /** The id of one event, read at once: the append check must not be interrupted. */
  readId: (number: number) => string
}

/** Throws DamagedRecord where a record does not have the checksum it was written with. */
export function eventReader({ file, positions, unreadBelow, say }: Source): EventReader {
  const checked = new Uint8Array(Math.ceil(unreadBelow / 8))
  const damaged = new Set<number>()
  /** The frame ends at or before the next event's position, or the end of the log. */
  const frameLimit = (number: number) =>
    number + 1 < positions.length() ? positions.at(number + 1) : file.end()
  const isChecked = (first: number) =>
    first >= unreadBelow || (((checked[first >>> 3] ?? 0) >>> (first & 7)) & 1) === 1
  const check = (first: number, bytes: Buffer) => {
    const position = positions.at(first) - RECORD_HEADER_BYTES
    const record = bytes.subarray(0, recordBytes(bytes, 0) ?? 0)
    if (record.length === 0 || !isIntact(record, position)) {
      if (!damaged.has(first)) say('the event log is damaged', { position })
      damaged.add(first)
      throw new DamagedRecord(position)
    }
    checked[first >>> 3] = (checked[first >>> 3] ?? 0) | (1 << (first & 7))
  }
  /** Of the records from that of `first` to that of `last`, the first events of those that are to be checked. */
  const uncheckedRecords = (first: number, last: number) => {
    const firsts: number[] = []
    if (first >= unreadBelow) return firsts
    for (let at = positions.firstOfRecord(first); at <= last; at = positions.endOfRecord(at))
      if (!isChecked(at)) firsts.push(at)
    return firsts
  }
  /** At or behind the end of the record that begins with the event. */
  const recordEnd = (first: number) => {
    const end = positions.endOfRecord(first)
    return end < positions.length() ? positions.at(end) - RECORD_HEADER_BYTES : file.end()
  }
  const readRun = async (first: number, last: number) => {
    const unchecked = uncheckedRecords(first, last)
    const records = unchecked.map((each) => positions.at(each) - RECORD_HEADER_BYTES)
    const start = Math.min(positions.at(first), ...records.slice(0, 1))
    const end = Math.max(frameLimit(last), ...unchecked.slice(-1).map(recordEnd))
    const bytes = await file.read(start, end - start)
    for (const [index, each] of unchecked.entries())
      check(each, bytes.subarray((records[index] ?? 0) - start))
    const from = positions.at(first)
    // Events hold on to the memory they lie in, and a record can be much longer than they are.
    return bytes.length > 2 * READ_BYTES_MAX
      ? { bytes: Buffer.from(bytes.subarray(from - start)), start: from }
      : { bytes, start }
  }
  const neighbours = (numbers: number[], from: number) => {
    const start = positions.at(numbers[from] ?? 0)
    let to = from + 1
    for (; to < numbers.length; to++) {
      const next = numbers[to] ?? 0
      if (positions.at(next) - frameLimit(numbers[to - 1] ?? 0) > GAP_BYTES_MAX) break
      if (frameLimit(next) - start > READ_BYTES_MAX) break
    }
    return numbers.slice(from, to)
  }
  return {
    read: async (numbers) => {
      const events: StoredEvent[] = []
      for (let from = 0; from < numbers.length;) {
        const run = neighbours(numbers, from)
        const { bytes, start } = await readRun(run[0] ?? 0, run.at(-1) ?? 0)
        for (const number of run) {
          const position = positions.at(number)
          events.push(readFrame(bytes, position - start, position))
        }
        from += run.length
      }
      return events
    },
    pageOf: (numbers) => {
      let bytes = 0
      const full = numbers.findIndex((number) => {
        bytes += frameLimit(number) - positions.at(number)
        return bytes > READ_BYTES_MAX
      })
      return full === -1 ? numbers : numbers.slice(0, Math.max(1, full))
    },
    readId: (number) => {
      for (const first of uncheckedRecords(number, number)) {
        const start = positions.at(first) - RECORD_HEADER_BYTES
        check(first, file.readSync(start, recordEnd(first) - start))
      }
      return readFrameId(file.readSync(positions.at(number), FRAME_ID_END), 0)
    },
  }
}
