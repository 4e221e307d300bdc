import { readFile } from 'node:fs/promises'

const LINES = 12

/** The end of a log, for a message about a program that failed. */
export async function lastLines(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '')
  return text.trim().split('\n').slice(-LINES).join('\n') || 'it said nothing'
}
