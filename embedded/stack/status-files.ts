import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
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

/** A secret of this data folder, for its owner's eyes only: made at the first start and kept. */
export function secretIn(file: string): string {
  const kept = readIfThere(file)
  if (kept !== '') return kept
  const secret = randomBytes(24).toString('hex')
  mkdirSync(dirname(file), { recursive: true })
  rmSync(`${file}.new`, { force: true })
  writeFileSync(`${file}.new`, secret, { mode: 0o600 })
  renameSync(`${file}.new`, file)
  return secret
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}
