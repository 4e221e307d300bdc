import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { takeLock } from '../../processes/lock-file.js'
import type { StreamView } from '../rules/expected-revision.ts'
import { acceptedStreams, seenIds } from './accepted-streams.ts'
import { commitQueue } from './commit-queue.ts'
import { openLogFile } from './file.ts'
import { FatalError } from './record.ts'
import { checkFrame, readIndexed, type StoredEvent, type UnplacedEvent } from './frame.ts'
import { streamIndex, type StreamIndex } from './index.ts'
import { pageOf, readEventId, readEvents } from './read-events.ts'

/** The log and its index. Writers see accepted events, readers only what is on disk. */
export interface EventLog {
  index: StreamIndex
  /** Bytes of a torn write that were cut off at start. */
  cutBytes: number
  end: () => number
  acceptedView: (stream: string) => StreamView
  /** Accepts the events now, in this tick; resolves with their positions once they are on disk and readable. */
  commit: (events: UnplacedEvent[]) => Promise<number[]>
  /** How many of the numbers, from the first on, should be read at once: memory is bounded by bytes, not events. */
  pageOf: (numbers: number[]) => number[]
  /** Reads committed events by their numbers, ascending. */
  read: (numbers: number[]) => Promise<StoredEvent[]>
  /** Calls back once, after the next commit; returns how to withdraw. */
  onceCommitted: (listener: () => void) => () => void
  /** Waits for what was accepted, then closes the file. */
  close: () => Promise<void>
}

/** Opens the log in `dataDir`; `onFailure` is told when a write failed, after which nothing is accepted. */
export function openEventLog(dataDir: string, onFailure: (error: unknown) => void): EventLog {
  const index = streamIndex()
  const listeners = new Set<() => void>()
  const file = openLogFile(join(dataDir, 'events.log'), (buffer, offset, position) => {
    index.add({ ...readIndexed(buffer, offset), position })
  })
  const source = { file, positions: index.positions }
  const streams = acceptedStreams({
    index,
    seen: seenIds(),
    storedIdAt: (number) => readEventId(source, number),
  })
  const queue = commitQueue({
    file,
    onFailure,
    onCommitted: (events) => {
      for (const event of events) index.add(event)
      streams.committed(events)
      const waiting = [...listeners]
      listeners.clear()
      for (const listener of waiting) listener()
    },
  })
  return {
    index,
    cutBytes: file.cutBytes,
    end: file.end,
    acceptedView: streams.view,
    commit: async (events) => {
      for (const event of events) checkFrame(event)
      streams.accept(events)
      return queue.commit(events)
    },
    pageOf: (numbers) => pageOf(source, numbers),
    read: (numbers) => readEvents(source, numbers),
    onceCommitted: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: async () => {
      await queue.commit([])
      await file.close()
    },
  }
}

/** Opens a data folder for this process alone. Throws FatalError where that is not possible. */
export function openDataFolder(dataDir: string, onFailure: (error: unknown) => void): EventLog {
  try {
    mkdirSync(dataDir, { recursive: true })
    if (!statSync(dataDir).isDirectory()) throw new FatalError(`${dataDir} is not a folder.`)
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
    const lock = takeLock(join(dataDir, 'lock'))
    if ('holder' in lock)
      throw new FatalError(
        `The data folder ${dataDir} is in use by the event store with pid ${lock.holder}. Stop it first.`,
      )
    const log = openEventLog(dataDir, onFailure)
    return {
      ...log,
      close: async () => {
        await log.close()
        lock.release()
      },
    }
  } catch (error) {
    if (error instanceof FatalError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new FatalError(`Cannot use the data folder ${dataDir}: ${reason}.`, { cause: error })
  }
}
