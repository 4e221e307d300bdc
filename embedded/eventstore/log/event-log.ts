import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { takeLock } from '../../processes/lock-file.js'
import type { StreamView } from '../rules/expected-revision.ts'
import { acceptedStreams, seenIds } from './accepted-streams.ts'
import { type Checkpoint, checkpointPath, readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { commitQueue } from './commit-queue.ts'
import { checkLogFile, openLogFile } from './file.ts'
import { checkFrame, readFrame, type StoredEvent, type UnplacedEvent } from './frame.ts'
import { indexBuilder, streamIndex, type StreamIndex } from './index.ts'
import { eventReader } from './read-events.ts'
import { FatalError, FILE_HEADER } from './record.ts'
import type { LogVisitor } from './recover.ts'

const LOG_NAME = 'events.log'
const CHECKPOINT_BYTES = 32 * 1024 * 1024
/** At an orderly end a checkpoint is worth while sooner: the next start is near. */
const CLOSING_SHARE = 32
/** So long other work waits for a checkpoint in the making. */
const SLICE_MS = 5

type Say = (sentence: string, details: object) => void

export interface LogOptions {
  /** A checkpoint of the index is written after so many bytes of log, or as many as the last one has. */
  checkpointBytes?: number
  /** Told what an operator should know. */
  say?: Say
  onProgress?: LogVisitor['onProgress']
}

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
export function openEventLog(
  dataDir: string,
  onFailure: (error: unknown) => void,
  { checkpointBytes = CHECKPOINT_BYTES, say = () => undefined, onProgress }: LogOptions = {},
): EventLog {
  const path = join(dataDir, LOG_NAME)
  const checkpoint = usableCheckpoint(path, checkpointBytes, say)
  const { onFrame, indexed } = checkpoint ? resumed(checkpoint) : built()
  const file = openLogFile(path, { onFrame, ...(onProgress && { onProgress }) }, checkpoint?.end)
  const index = indexed()
  const { positions } = index
  const reader = eventReader({ file, positions, unreadBelow: checkpoint?.events ?? 0, say })
  const checkpoints = checkpointSchedule(
    { path, index, end: file.end, checkpointBytes, say },
    checkpoint,
  )
  const streams = acceptedStreams({ index, seen: seenIds(), storedIdAt: reader.readId })
  const listeners = new Set<() => void>()
  const queue = commitQueue({
    file,
    onFailure,
    onCommitted: (events) => {
      for (const [place, event] of events.entries()) index.add(event, place === 0)
      streams.committed(events)
      const waiting = [...listeners]
      listeners.clear()
      for (const listener of waiting) listener()
      checkpoints.committed()
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
    pageOf: reader.pageOf,
    read: reader.read,
    onceCommitted: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: async () => {
      await queue.commit([])
      await checkpoints.close()
      await file.close()
    },
  }
}

function usableCheckpoint(log: string, checkpointBytes: number, say: Say): Checkpoint | undefined {
  const checkpoint = readCheckpoint(log)
  if (typeof checkpoint !== 'string') return checkpoint
  // A log that was killed before it was long enough for one has none.
  const isShort = !existsSync(log) || statSync(log).size <= FILE_HEADER.length + checkpointBytes
  if (checkpoint !== 'missing' || !isShort)
    say('read the log without the checkpoint of its index', { reason: checkpoint })
  return undefined
}

interface Indexed {
  path: string
  index: StreamIndex
  end: () => number
  checkpointBytes: number
  say: Say
}

/** Writes checkpoints while the log grows and when it is closed. Without one all works, but the next start reads more. */
function checkpointSchedule(
  { path, index, end, checkpointBytes, say }: Indexed,
  last: Checkpoint | undefined,
) {
  let lastEnd = last?.end ?? FILE_HEADER.length
  let lastBytes = last ? statSync(checkpointPath(path)).size : 0
  let writing: Promise<void> | undefined
  const isDue = (share = 1) =>
    end() - lastEnd >= Math.max(checkpointBytes, lastBytes) / share && end() > lastEnd
  const write = async () => {
    lastEnd = end()
    try {
      const checkpoint = { end: lastEnd, ...(await inSlices(index.merge())) }
      lastBytes = await writeCheckpoint(path, checkpoint)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      say('could not write a checkpoint of the index; all goes on without it', { reason })
    }
  }
  const writeWhenDue = () => {
    if (writing === undefined && isDue())
      writing = write().finally(() => {
        writing = undefined
      })
  }
  writeWhenDue()
  return {
    committed: writeWhenDue,
    close: async () => {
      await writing
      if (isDue(CLOSING_SHARE)) await write()
    },
  }
}

async function inSlices<Result>(steps: Generator<void, Result>): Promise<Result> {
  for (let since = performance.now(); ;) {
    const step = steps.next()
    if (step.done) return step.value
    if (performance.now() - since < SLICE_MS) continue
    await nextTurn()
    since = performance.now()
  }
}

interface Indexing {
  onFrame: LogVisitor['onFrame']
  /** The index of all that was read. */
  indexed: () => StreamIndex
}

function resumed(checkpoint: Checkpoint): Indexing {
  const index = streamIndex(checkpoint)
  return {
    onFrame: (buffer, offset, position, beginsRecord) =>
      index.add(readFrame(buffer, offset, position), beginsRecord),
    indexed: () => index,
  }
}

function built(): Indexing {
  const builder = indexBuilder()
  return { onFrame: builder.add, indexed: () => streamIndex(builder.content()) }
}

/** Opens a data folder for this process alone. Throws FatalError where that is not possible. */
export function openDataFolder(
  dataDir: string,
  onFailure: (error: unknown) => void,
  options?: LogOptions,
): EventLog {
  return inFolder(dataDir, (release) => {
    const log = openEventLog(dataDir, onFailure, options)
    return {
      ...log,
      close: async () => {
        await log.close()
        release()
      },
    }
  })
}

/** Reads the whole log of a folder that no server uses, and changes nothing. Throws FatalError where it is damaged. */
export function checkDataFolder(dataDir: string, onProgress: LogVisitor['onProgress']) {
  return inFolder(dataDir, (release) => {
    const checked = checkLogFile(join(dataDir, LOG_NAME), onProgress)
    release()
    return checked
  })
}

function inFolder<Result>(dataDir: string, work: (release: () => void) => Result): Result {
  try {
    mkdirSync(dataDir, { recursive: true })
    if (!statSync(dataDir).isDirectory()) throw new FatalError(`${dataDir} is not a folder.`)
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
    const lock = takeLock(join(dataDir, 'lock'))
    if ('holder' in lock)
      throw new FatalError(
        `The data folder ${dataDir} is in use by the event store with pid ${lock.holder}. Stop it first.`,
      )
    return work(lock.release)
  } catch (error) {
    if (error instanceof FatalError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new FatalError(`Cannot use the data folder ${dataDir}: ${reason}.`, { cause: error })
  }
}
