import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { z } from 'zod'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { guardProcess, releaseProcess } from '../../../embedded/processes/guard.ts'
import { eventually } from '../eventually.ts'
import { tempFolder } from '../temp-folder.ts'

const here = fileURLToPath(new URL('../../..', import.meta.url))
const START_TIMEOUT_MS = 120_000
const logLine = z.looseObject({ level: z.string(), service: z.string(), msg: z.string() })
const pids = z.record(z.string(), z.int())

/** What `npm start` listens on when it is not told where. */
export const USUAL_PORT = 3001

export interface StartOptions {
  /** A command that becomes it. */
  by?: string[]
  /** The clone it is typed in; this one unless told otherwise. */
  root?: string
  /** Where a path of its own is found from here, if it has other file systems. */
  seen?: (path: string) => string
  uid?: number
  gid?: number
}

/**
 * The real `npm start` as a newcomer types it, ready when this returns, on data and a port of its own; ended
 * with the test. An empty `PORT` leaves it the usual one.
 */
export async function npmStart(
  env: Record<string, string> = {},
  { by = [], root = here, seen = (path) => path, ...as }: StartOptions = {},
) {
  const folder = await tempFolder('storewright-stack-')
  const STOREWRIGHT_DATA = env['STOREWRIGHT_DATA'] ?? join(folder.path, 'data')
  const dataDir = seen(STOREWRIGHT_DATA)
  const port = env['PORT'] ?? `${await freePort()}`
  const [command, ...args] = [...by, 'npm', 'start']
  const npm = execa(command ?? 'npm', args, {
    cwd: root,
    ...as,
    // A process group of its own, as a terminal gives it: what Ctrl-C reaches.
    detached: true,
    env: { ...env, PORT: port, STOREWRIGHT_DATA },
    reject: false,
    all: true,
  })
  const url = `http://localhost:${port || USUAL_PORT}`
  let output = ''
  npm.all.on('data', (chunk: Buffer) => (output += chunk.toString()))
  let ended = false
  // Should the run be broken off, nobody else ends it.
  if (npm.pid !== undefined) guardProcess(npm.pid, 'SIGINT')
  npm.once('exit', () => {
    ended = true
    if (npm.pid !== undefined) releaseProcess(npm.pid)
  })
  const signal = (name: NodeJS.Signals) => {
    if (npm.pid !== undefined && !ended) process.kill(-npm.pid, name)
  }
  const stack = {
    url,
    dataDir,
    output: () => output,
    lines: () => output.split('\n').flatMap(asLogLine),
    /** Which process is which, as of now. */
    pids: async () =>
      pids.parse(JSON.parse(await readFile(join(dataDir, 'processes.json'), 'utf8'))),
    signal,
    /** To npm alone, as somebody does who ends it by its pid. */
    signalNpm: (name: NodeJS.Signals) => npm.kill(name),
    ended: async () => (await npm).exitCode,
    async [Symbol.asyncDispose]() {
      signal('SIGINT')
      await npm
      await folder[Symbol.asyncDispose]()
    },
  }
  try {
    const ready = async () => ended || (await answers({ url, dataDir, output }))
    await eventually(ready, { timeoutMs: START_TIMEOUT_MS })
    if (ended) throw new Error(`npm start ended: ${output}`)
  } catch (error) {
    await stack[Symbol.asyncDispose]()
    throw error
  }
  return stack
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

interface Asked {
  url: string
  dataDir: string
  output: string
}

async function answers({ url, dataDir, output }: Asked): Promise<void> {
  // Written just before its front listens: until then it is somebody else who answers.
  if (!existsSync(join(dataDir, 'addresses.json')))
    throw new Error(`npm start does not run yet: ${output}`)
  const { ok } = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(10_000) })
  if (!ok) throw new Error(`npm start is not ready: ${output}`)
}

function asLogLine(line: string): z.output<typeof logLine>[] {
  try {
    return [logLine.parse(JSON.parse(line))]
  } catch {
    return []
  }
}
