import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { DependencyAddresses } from '../dependencies/start.ts'
import { releasesIn } from './service-table.ts'

const variables = z.record(z.string(), z.string())
const fileIn = (folder: string): string => join(folder, 'addresses.json')

/** Keeps where the dependencies and the releases are in the data folder while the stack runs, for its owner's eyes only: one holds a password. */
export function writeAddresses(
  folder: string,
  { eventStore, nats, database }: DependencyAddresses,
) {
  const text = {
    EVENTSTORE_URL: eventStore,
    NATS_URL: nats,
    DATABASE_URL: database,
    RELEASES_DIR: releasesIn(folder),
  }
  rmSync(fileIn(folder), { force: true })
  writeFileSync(fileIn(folder), JSON.stringify(text, null, 2), { mode: 0o600 })
  return { remove: () => rmSync(fileIn(folder), { force: true }) }
}

/** The addresses of the running stack as environment variables; none when no stack runs on the folder. */
export function readAddresses(folder: string): z.output<typeof variables> {
  try {
    return variables.parse(JSON.parse(readFileSync(fileIn(folder), 'utf8')))
  } catch {
    return {}
  }
}

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
