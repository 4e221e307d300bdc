import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { guardProcess, releaseProcess } from '../processes/guard.ts'

/** Without a sign of life; a server that reads a long log tells how far it is. */
const SILENCE_MS = 60_000
const STOP_TIMEOUT_MS = 10_000
const STDERR_BYTES_MAX = 4_096

export interface StartOptions {
  dataDir: string
  /** A free one unless given. */
  port?: number
  host?: string
  /** Bytes of the log from one checkpoint of its index to the next. */
  checkpointBytes?: number
  /** The Node that runs it; this process's own unless given. */
  executable?: string
  /** Told every line of its log. */
  onLine?: (line: string) => void
}

export interface RunningEventStore {
  /** The connection string for clients. */
  url: string
  port: number
  pid: number
  /** Settles when the process has ended; never rejects. */
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** Ends it in good order; harmless once it has ended. */
  [Symbol.asyncDispose]: () => Promise<void>
}

/** Starts the event store as a process that does not outlive this one; rejects with its own words when it cannot start. */
export async function startEventStore(options: StartOptions): Promise<RunningEventStore> {
  const { dataDir, port = 0, host = '127.0.0.1', executable = process.execPath } = options
  const program = fileURLToPath(new URL('main.ts', import.meta.url))
  const args = ['--data-dir', dataDir, '--host', host, '--port', `${port}`, '--parent-pipe']
  if (options.checkpointBytes !== undefined)
    args.push('--checkpoint-bytes', `${options.checkpointBytes}`)
  const child = spawn(executable, ['--disable-warning=ExperimentalWarning', program, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  // The pipe ends one that works; the guard ends one too busy or too broken to notice.
  if (child.pid !== undefined) guardProcess(child.pid, 'SIGTERM')
  const exited = exitOf(child)
  const listening = await untilListening(child, exited, options.onLine)
  return {
    url: `esdb://${host}:${listening}?tls=false`,
    port: listening,
    pid: child.pid ?? 0,
    exited,
    [Symbol.asyncDispose]: () => stop(child, exited),
  }
}

function exitOf(child: ChildProcess): RunningEventStore['exited'] {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      if (child.pid !== undefined) releaseProcess(child.pid)
      resolve({ code, signal })
    })
    child.once('error', () => resolve({ code: null, signal: null }))
  })
}

async function untilListening(
  child: ChildProcess,
  exited: RunningEventStore['exited'],
  onLine: StartOptions['onLine'],
): Promise<number> {
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-STDERR_BYTES_MAX)
    onLine?.(text.trimEnd())
  })
  const silence = silenceTimer()
  const ready = new Promise<number>((resolve) => {
    if (!child.stdout) return
    createInterface(child.stdout).on('line', (line) => {
      silence.restart()
      const port = portOf(line)
      if (port !== undefined) resolve(port)
      onLine?.(line)
    })
  })
  const outcome = await Promise.race([ready, exited, silence.late])
  silence.stop()
  if (typeof outcome === 'number') return outcome
  await stop(child, exited)
  throw new Error(said.trim() || 'The event store ended, or did not start in time.')
}

function silenceTimer() {
  const { promise, resolve } = Promise.withResolvers<'late'>()
  const timer = setTimeout(resolve, SILENCE_MS, 'late')
  return { late: promise, restart: () => timer.refresh(), stop: () => clearTimeout(timer) }
}

function portOf(line: string): number | undefined {
  if (!line.includes('"listening"')) return undefined
  const parsed: unknown = JSON.parse(line)
  if (typeof parsed !== 'object' || parsed === null || !('port' in parsed)) return undefined
  return typeof parsed.port === 'number' ? parsed.port : undefined
}

async function stop(child: ChildProcess, exited: RunningEventStore['exited']): Promise<void> {
  child.kill('SIGTERM')
  const killer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await exited
  clearTimeout(killer)
}
