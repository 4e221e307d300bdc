import type { LogFile } from './file.ts'
import { FRAME_ID_END, readFrame, readFrameId, type StoredEvent } from './frame.ts'
import type { Positions } from './index.ts'

/** Events nearer to each other than this are fetched by one read. */
const GAP_BYTES_MAX = 16 * 1024
const READ_BYTES_MAX = 1024 * 1024

interface Source {
  file: LogFile
  positions: Positions
}

/** Reads events by their numbers, which are ascending; neighbours in the file share a read. */
export async function readEvents(source: Source, numbers: number[]): Promise<StoredEvent[]> {
  const events: StoredEvent[] = []
  for (let from = 0; from < numbers.length;) {
    const run = neighbours(source, numbers, from)
    const start = source.positions.at(run[0] ?? 0)
    const bytes = await source.file.read(start, frameLimit(source, run.at(-1) ?? 0) - start)
    for (const number of run) {
      const position = source.positions.at(number)
      events.push(readFrame(bytes, position - start, position))
    }
    from += run.length
  }
  return events
}

/** As many of the numbers, from the first on, as one page may take; at least one. */
export function pageOf({ file, positions }: Source, numbers: number[]): number[] {
  let bytes = 0
  const full = numbers.findIndex((number) => {
    bytes += frameLimit({ file, positions }, number) - positions.at(number)
    return bytes > READ_BYTES_MAX
  })
  return full === -1 ? numbers : numbers.slice(0, Math.max(1, full))
}

/** The id of one event, read at once: the append check must not be interrupted. */
export function readEventId({ file, positions }: Source, number: number): string {
  return readFrameId(file.readSync(positions.at(number), FRAME_ID_END), 0)
}

function neighbours(source: Source, numbers: number[], from: number): number[] {
  const start = source.positions.at(numbers[from] ?? 0)
  let to = from + 1
  for (; to < numbers.length; to++) {
    const next = numbers[to] ?? 0
    if (source.positions.at(next) - frameLimit(source, numbers[to - 1] ?? 0) > GAP_BYTES_MAX) break
    if (frameLimit(source, next) - start > READ_BYTES_MAX) break
  }
  return numbers.slice(from, to)
}

/** The frame ends at or before the next event's position, or the end of the log. */
function frameLimit({ file, positions }: Source, number: number): number {
  return number + 1 < positions.length() ? positions.at(number + 1) : file.end()
}
