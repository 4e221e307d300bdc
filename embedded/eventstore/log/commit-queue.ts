import type { LogFile } from './file.ts'
import { frameBytes, type StoredEvent, type UnplacedEvent, writeFrame } from './frame.ts'
import { RECORD_HEADER_BYTES, sealRecord } from './record.ts'

const GROUP_BYTES_MAX = 4 * 1024 * 1024

interface Waiting {
  events: UnplacedEvent[]
  resolve: (positions: number[]) => void
  reject: (error: unknown) => void
}

interface CommitQueueOptions {
  file: LogFile
  /** Runs after the events are on disk and before anyone is told. */
  onCommitted: (events: StoredEvent[]) => void
  /** A write failed: nobody knows what is on disk, so the process must end. */
  onFailure: (error: unknown) => void
}

/** Makes events durable in the order they came; all that wait during one write share the next. */
export interface CommitQueue {
  /** Resolves with the events' positions once they, and all handed over before them, are on disk. */
  commit: (events: UnplacedEvent[]) => Promise<number[]>
}

/** Starts a queue in front of the log file. */
export function commitQueue({ file, onCommitted, onFailure }: CommitQueueOptions): CommitQueue {
  let waiting: Waiting[] = []
  let writing: Waiting[] = []
  let running = false
  let failure: unknown

  const writeAll = async () => {
    while (waiting.length > 0) {
      const count = groupLength(waiting)
      const group = waiting.slice(0, count)
      writing = group
      waiting = waiting.slice(count)
      const events = group.flatMap((entry) => entry.events)
      const stored = events.length > 0 ? await writeGroup(file, events) : []
      if (stored.length > 0) onCommitted(stored)
      let answered = 0
      for (const entry of group) {
        const next = answered + entry.events.length
        entry.resolve(stored.slice(answered, next).map((event) => event.position))
        answered = next
      }
    }
    // In the same turn as the last look at the queue: a later caller finds it idle.
    running = false
  }
  const run = () => {
    writeAll().catch((error: unknown) => {
      failure = error
      for (const entry of [...writing, ...waiting]) entry.reject(error)
      onFailure(error)
    })
  }
  return {
    commit: (events) =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) return reject(failure)
        waiting.push({ events, resolve, reject })
        if (running) return
        running = true
        setImmediate(run)
      }),
  }
}

function groupLength(waiting: Waiting[]): number {
  let bytes = 0
  const full = waiting.findIndex((entry) => {
    bytes += entry.events.reduce((sum, event) => sum + frameBytes(event), 0)
    return bytes > GROUP_BYTES_MAX
  })
  return full === -1 ? waiting.length : Math.max(1, full)
}

async function writeGroup(file: LogFile, events: UnplacedEvent[]): Promise<StoredEvent[]> {
  const start = file.end()
  const bytes = events.reduce((sum, event) => sum + frameBytes(event), RECORD_HEADER_BYTES)
  const record = Buffer.allocUnsafe(bytes)
  let at = RECORD_HEADER_BYTES
  const stored = events.map((event) => {
    const position = start + at
    at = writeFrame(record, at, event)
    return { ...event, position }
  })
  sealRecord(record, start)
  await file.append(record)
  return stored
}
