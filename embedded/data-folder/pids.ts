import { renameSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const pids = z.record(z.string(), z.int())

/** Keeps `processes.json` in the data folder: which process is which, for people and for tests. */
export function writePids(folder: string) {
  const current: z.output<typeof pids> = { stack: process.pid }
  return (name: string, pid: number): void => {
    current[name] = pid
    const file = join(folder, 'processes.json')
    writeFileSync(`${file}.new`, JSON.stringify(current, null, 2))
    renameSync(`${file}.new`, file)
  }
}

/** What the last stack wrote; empty when there was none. */
export async function readPids(folder: string): Promise<z.output<typeof pids>> {
  try {
    return pids.parse(JSON.parse(await readFile(join(folder, 'processes.json'), 'utf8')))
  } catch {
    return {}
  }
}
