import { readFile } from 'node:fs/promises'
import type { RunningProcess } from '../../processes/start-process.ts'

const LINES = 5
const CHARACTERS = 2_000

/** What each part of a cluster that is in trouble has said last, and which of them have ended. */
export async function lastWords(
  parts: Iterable<[string, RunningProcess]>,
  logOf: (name: string) => string,
): Promise<string> {
  const told = [...parts].map(async ([name, { exited }]) => {
    const state = await Promise.race([exited, Promise.resolve()])
    const how = state === undefined ? 'runs' : `ended with ${state.signal ?? `code ${state.code}`}`
    const text = await readFile(logOf(name), 'utf8').catch(() => '')
    const lines = text.trim().slice(-CHARACTERS).split('\n').slice(-LINES)
    return [`${name} ${how}:`, ...lines.map((line) => `  ${line}`)].join('\n')
  })
  return (await Promise.all(told)).join('\n')
}
