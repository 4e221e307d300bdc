import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  copyFileSync,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { isFree } from './free-port.ts'
import { guardProcess, releaseProcess } from './guard.ts'

const LOG_BYTES_MAX = 10 * 1024 * 1024

export interface ProcessOptions {
  command: string
  args: string[]
  /** Both outputs are appended to this file, so a child never waits for its parent to read. */
  logFile: string
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** Where it is to listen: not started while somebody else does, who would be taken for it. */
  port?: number
  uid?: number
  gid?: number
  /** Open files of this process that the child gets as its descriptors from 3 on. */
  descriptors?: number[]
  /** What asks it to end in good order. */
  stopSignal?: NodeJS.Signals
  stopTimeoutMs?: number
  /** A larger log is kept aside as `<file>.1`. */
  logBytesMax?: number
  lookAtLogEveryMs?: number
}

interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface RunningProcess {
  pid: number
  /** Settles when the process has ended; never rejects. */
  exited: Promise<Exit>
  /** Where in its log file it begins: what is before was said by earlier ones. */
  logFrom?: number
  /** Asks it to end, kills it when it does not in time. */
  stop: () => Promise<void>
}

/** Starts a child in a process group of its own that does not outlive this process. */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const { command, args, logFile, port, stopSignal = 'SIGTERM', stopTimeoutMs = 10_000 } = options
  if (port !== undefined && !(await isFree(port)))
    throw new Error(`${basename(command)} is not started: somebody else listens on port ${port}`)
  const log = openLog(logFile)
  const logFrom = fstatSync(log).size
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', log, log, ...(options.descriptors ?? [])],
    env: options.env ?? process.env,
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.uid !== undefined && { uid: options.uid }),
    ...(options.gid !== undefined && { gid: options.gid }),
  })
  closeSync(log)
  const { pid } = child
  if (pid === undefined) {
    const [error] = await once(child, 'error')
    throw new Error(`${command} cannot be started`, { cause: error })
  }
  guardProcess(pid, stopSignal)
  const { logBytesMax = LOG_BYTES_MAX, lookAtLogEveryMs = 60_000 } = options
  const bounding = setInterval(() => boundLog(logFile, logBytesMax), lookAtLogEveryMs)
  bounding.unref()
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      clearInterval(bounding)
      releaseProcess(pid)
      resolve({ code, signal })
    })
  })
  const stop = async () => {
    child.kill(stopSignal)
    const killer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
    await exited
    clearTimeout(killer)
  }
  return { pid, exited, logFrom, stop }
}

/** Opened for appending; a large log of earlier starts is kept aside as `<file>.1`. */
function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true })
  const bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  if (bytes > LOG_BYTES_MAX) renameSync(file, `${file}.1`)
  return openSync(file, 'a')
}

/** The child goes on writing to the file it has open: its lines are copied aside and the file begins again. */
function boundLog(file: string, bytesMax: number): void {
  try {
    if (statSync(file).size <= bytesMax) return
    try {
      copyFileSync(file, `${file}.1`)
    } finally {
      truncateSync(file)
    }
  } catch {
    // Somebody removed it, or the disk is full: looked at again in a while.
  }
}

const LOOK_EVERY_MS = 25

interface ReadyOptions {
  name: string
  logFile: string
  timeoutMs: number
  probe: () => Promise<void>
  /** What changes while the process is at work: `timeoutMs` then counts from its last change. */
  progress?: () => Promise<unknown>
}

/** The `code` of the error for a process that ended by itself. */
export const ENDED = 'PROCESS_ENDED'

/** Waits until `probe` succeeds; an ended or late process is an error with the end of its log. */
export async function untilReady(child: RunningProcess, options: ReadyOptions): Promise<void> {
  const { name, logFile, timeoutMs, probe, progress } = options
  let ended = false
  void child.exited.then(() => (ended = true))
  let giveUpAt = Date.now() + timeoutMs
  let lastProgress: unknown
  for (;;) {
    try {
      await probe()
      return
    } catch (error) {
      const seen = await progress?.().catch(() => lastProgress)
      if (seen !== lastProgress) giveUpAt = Date.now() + timeoutMs
      lastProgress = seen
      const failure = ended ? 'ended before it was ready' : 'is not ready'
      if (ended || Date.now() > giveUpAt) {
        const why = error instanceof Error ? error.message : String(error)
        // Read before it is asked to end, which it would speak of.
        const said = await lastLines(logFile, child.logFrom)
        const message = `${name} ${failure}${ended ? '' : ` (${why})`}: ${said}`
        await child.stop()
        throw Object.assign(new Error(message, { cause: error }), ended && { code: ENDED })
      }
    }
    await Promise.race([wait(LOOK_EVERY_MS), child.exited])
  }
}

const LINES_LOOKED_AT = 20
const saysWhy = /\b(?:error|fatal|panic|cannot|could not)\b/i

/** Why a child ended: the last line that says it, else the end of what it said; and where the rest stands. */
export async function lastLines(logFile: string, from = 0): Promise<string> {
  const bytes = await readFile(logFile).catch(() => Buffer.alloc(0))
  const text = bytes.subarray(from <= bytes.length ? from : 0).toString()
  const lines = text.trim().split('\n').slice(-LINES_LOOKED_AT)
  const why = lines.findLast((line) => saysWhy.test(line)) ?? lines.slice(-3).join(' | ')
  return `${why.trim() || 'it said nothing'} (${logFile})`
}
