import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type RunningProcess,
  startProcess,
  untilReady,
} from '../../../embedded/processes/start-process.ts'

const READY_TIMEOUT_MS = 120_000

/** A program of the cluster, and the signal that ends it. */
export interface Component {
  name: string
  /** Its path. */
  command: string
  args: string[]
  stopSignal: NodeJS.Signals
  env?: NodeJS.ProcessEnv
}

/** The programs that make up one cluster. */
export interface ProcessGroup {
  launch: (component: Component) => Promise<void>
  /** Waits until the probe of a launched component succeeds; throws with its last log lines when it does not. */
  until: (name: string, probe: () => Promise<void>) => Promise<void>
  pids: () => Record<string, number>
  /** Settles when a component has ended unasked; says which one and where its log is. */
  failed: () => Promise<string>
  /** The last log lines of each component. */
  lastWords: () => Promise<string>
  stop: () => Promise<void>
}

interface ProcessGroupOptions {
  /** Where all of them work; logs lie in its folder `logs`. */
  folder: string
  /** A command prefix that each component is started with, such as nsenter's. */
  by?: string[]
}

/** An empty group; none of its programs outlives this process. */
export function openProcessGroup({ folder, by = [] }: ProcessGroupOptions): ProcessGroup {
  const started = new Map<string, RunningProcess>()
  const logOf = (name: string) => join(folder, 'logs', `${name}.log`)
  return {
    launch: async ({ name, command, args, stopSignal, env = {} }) => {
      const [first = command, ...rest] = [...by, command, ...args]
      const child = await startProcess({
        command: first,
        args: rest,
        logFile: logOf(name),
        // Nothing of this process's environment: it may hold proxies and tokens.
        env: { HOME: folder, PATH: '/usr/bin:/bin', ...env },
        cwd: folder,
        stopSignal,
      })
      started.set(name, child)
    },
    until: async (name, probe) => {
      const child = started.get(name)
      if (child === undefined) throw new Error(`${name} was not started`)
      await untilReady(child, { name, logFile: logOf(name), timeoutMs: READY_TIMEOUT_MS, probe })
    },
    pids: () => Object.fromEntries([...started].map(([name, { pid }]) => [name, pid])),
    failed: () => firstToEnd(started, logOf),
    lastWords: () => lastWords(started, logOf),
    stop: () => stopAll(started),
  }
}

function firstToEnd(
  started: Map<string, RunningProcess>,
  logOf: (name: string) => string,
): Promise<string> {
  const ends = [...started].map(async ([name, child]) => {
    await child.exited
    const log = logOf(name)
    return `${await lastWords([[name, child]], () => log)}\n(${log})`
  })
  return Promise.race(ends)
}

/** etcd stops last: it keeps what the others still write. */
async function stopAll(started: Map<string, RunningProcess>): Promise<void> {
  const { etcd, ...others } = Object.fromEntries(started)
  await Promise.all(Object.values(others).map((child) => child.stop()))
  await etcd?.stop()
}

const LINES = 5
const CHARACTERS = 2_000

/** The last log lines of each component, and which of them have ended. */
async function lastWords(
  components: Iterable<[string, RunningProcess]>,
  logOf: (name: string) => string,
): Promise<string> {
  const told = [...components].map(async ([name, { exited }]) => {
    const state = await Promise.race([exited, Promise.resolve()])
    const how = state === undefined ? 'runs' : `ended with ${state.signal ?? `code ${state.code}`}`
    const text = await readFile(logOf(name), 'utf8').catch(() => '')
    const lines = text.trim().slice(-CHARACTERS).split('\n').slice(-LINES)
    return [`${name} ${how}:`, ...lines.map((line) => `  ${line}`)].join('\n')
  })
  return (await Promise.all(told)).join('\n')
}
