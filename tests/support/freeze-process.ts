import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const GIVE_UP_AFTER_MS = 10_000

/**
 * SIGSTOP, and waits until the process does nothing any more: the signal is only noted at first, and on
 * a busy machine its other threads answer for a while yet. Throws when it does not stop within 10 s.
 */
export function freezeProcess(pid: number): void {
  process.kill(pid, 'SIGSTOP')
  const giveUpAt = Date.now() + GIVE_UP_AFTER_MS
  while (!isStopped(pid)) {
    if (Date.now() > giveUpAt) throw new Error(`process ${pid} does not stop`)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
  }
}

function isStopped(pid: number): boolean {
  if (process.platform !== 'linux')
    return execFileSync('ps', ['-o', 'state=', '-p', `${pid}`], { encoding: 'utf8' }).startsWith(
      'T',
    )
  const tasks = `/proc/${pid}/task`
  return readdirSync(tasks).every((task) => stateOf(`${tasks}/${task}/stat`) === 'T')
}

function stateOf(statFile: string): string | undefined {
  try {
    // Behind the name, which is in parentheses and may hold anything.
    return readFileSync(statFile, 'utf8').replace(/^.*\) /s, '')[0]
  } catch {
    // A thread that has just ended; the next look shows the others alone.
    return undefined
  }
}
