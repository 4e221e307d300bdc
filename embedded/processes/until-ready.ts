import { readFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type { RunningProcess } from './start-process.ts'

const LOOK_EVERY_MS = 25

interface ReadyOptions {
  name: string
  logFile: string
  timeoutMs: number
  probe: () => Promise<void>
}

/** The `code` of the error for a process that ended by itself. */
export const ENDED = 'PROCESS_ENDED'

/** Waits until `probe` succeeds; an ended or late process is an error with the end of its log. */
export async function untilReady(child: RunningProcess, options: ReadyOptions): Promise<void> {
  const { name, logFile, timeoutMs, probe } = options
  let ended = false
  void child.exited.then(() => (ended = true))
  const giveUpAt = Date.now() + timeoutMs
  for (;;) {
    try {
      await probe()
      return
    } catch (error) {
      const failure = ended ? 'ended before it was ready' : 'is not ready'
      if (ended || Date.now() > giveUpAt) {
        await child.stop()
        const message = `${name} ${failure}: ${await lastLines(logFile)}`
        throw Object.assign(new Error(message, { cause: error }), ended && { code: ENDED })
      }
    }
    await Promise.race([wait(LOOK_EVERY_MS), child.exited])
  }
}

async function lastLines(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '')
  const lines = text.trim().split('\n').slice(-3).join(' | ')
  return `${lines || 'it said nothing'} (${logFile})`
}
