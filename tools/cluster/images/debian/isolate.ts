import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startProcess } from '../../../../embedded/processes/start-process.ts'

interface Isolated {
  command: string
  args: string[]
  env?: NodeJS.ProcessEnv
  /** Where its log lies, and what it works on. */
  folder: string
  name: string
  timeoutMs: number
}

/**
 * Runs a program in mount and process namespaces of its own: whatever it mounts and starts is gone when it
 * ends, however it ends, or when this process does. Throws with the end of its log.
 */
export async function runInNamespace(options: Isolated): Promise<void> {
  const { command, args, env, folder, name, timeoutMs } = options
  const logFile = join(folder, `${name}.log`)
  const isolation = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child']
  const child = await startProcess({
    command: 'unshare',
    args: [...isolation, '--mount-proc', '--', command, ...args],
    cwd: folder,
    logFile,
    // Its signals do not reach into the process namespace; its death does.
    stopSignal: 'SIGKILL',
    ...(env !== undefined && { env }),
  })
  let late = false
  const limit = setTimeout(() => {
    late = true
    void child.stop()
  }, timeoutMs)
  const { code, signal } = await child.exited
  clearTimeout(limit)
  if (code === 0) return
  const how = late ? `was ended after ${timeoutMs} ms` : `ended with ${code ?? signal}`
  throw new Error(`${name} ${how}: ${await lastLines(logFile)}`)
}

const LINES = 12

/** The end of a log, for a message about a program that failed. */
async function lastLines(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '')
  return text.trim().split('\n').slice(-LINES).join('\n') || 'it said nothing'
}
