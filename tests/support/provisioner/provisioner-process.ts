import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startProcess } from '../../../embedded/processes/start-process.ts'
import { eventually } from '../eventually.ts'

const main = fileURLToPath(new URL('../../../services/provisioner/main.ts', import.meta.url))
let started = 0

/** A provisioner as a process of its own, taking work when this returns; ended at the end of the test. */
export async function provisionerProcess(folder: string, environment: Record<string, string>) {
  const workerId = `worker-${++started}`
  const logFile = join(folder, `${workerId}.log`)
  const { PATH = '', HOME = '' } = process.env
  const child = await startProcess({
    command: process.execPath,
    args: [main],
    logFile,
    env: { PATH, HOME, ...environment, WORKER_ID: workerId },
  })
  let ended = false
  void child.exited.then(() => (ended = true))
  const output = () => readFile(logFile, 'utf8')
  const provisioner = {
    ...child,
    workerId,
    /** All it has printed. */
    output,
    signal: (name: NodeJS.Signals) => process.kill(child.pid, name),
    kill: async () => {
      process.kill(child.pid, 'SIGKILL')
      await child.exited
    },
    [Symbol.asyncDispose]: async () => {
      if (ended) return
      process.kill(child.pid, 'SIGCONT')
      await child.stop()
    },
  }
  await eventually(async () => {
    if (!ended && !(await output()).includes('"taking work"')) throw new Error(await output())
  })
  if (ended) throw new Error(await output())
  return provisioner
}
