import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { z } from 'zod'
import { guardProcess, releaseProcess } from '../../../embedded/processes/guard.ts'
import { eventually } from '../eventually.ts'
import { tempFolder } from '../temp-folder.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const START_TIMEOUT_MS = 120_000
const logLine = z.looseObject({ level: z.string(), service: z.string(), msg: z.string() })
const pids = z.record(z.string(), z.int())

/**
 * The real `npm start` as a newcomer types it, ready when this returns, on data of its own; ended with the test.
 * `by` is a command that becomes it.
 */
export async function npmStart(env: Record<string, string> = {}, by: string[] = []) {
  const folder = await tempFolder('storewright-stack-')
  const dataDir = env['STOREWRIGHT_DATA'] ?? join(folder.path, 'data')
  const [command, ...args] = [...by, 'npm', 'start']
  const npm = execa(command ?? 'npm', args, {
    cwd: root,
    // A process group of its own, as a terminal gives it: what Ctrl-C reaches.
    detached: true,
    env: { ...env, STOREWRIGHT_DATA: dataDir },
    reject: false,
    all: true,
  })
  const url = `http://localhost:${env['PORT'] ?? 3001}`
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
    await eventually(() => answers(url, ended, output), { timeoutMs: START_TIMEOUT_MS })
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

async function answers(url: string, ended: boolean, output: string): Promise<void> {
  if (ended) throw new Error(`npm start ended: ${output}`)
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
