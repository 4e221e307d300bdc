import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import type { DependencyAddresses } from '../dependencies/start.ts'
import { takeLock } from '../processes/lock-file.js'
import { releasesIn } from './service-table.ts'

const ENDING_TIMEOUT_MS = 15_000
const LOOK_EVERY_MS = 100

/**
 * Makes the data folder this process's own until it ends; a folder in use, or one that cannot be
 * written, is refused. After a stack that was killed it waits for the children to end themselves.
 */
export async function lockDataFolder(folder: string): Promise<{ release: () => void }> {
  await writable(folder)
  const lock = takeLock(join(folder, 'stack.lock'))
  if ('holder' in lock)
    throw new Error(
      `The data folder ${folder} is in use by process ${lock.holder}: stop that one, or set STOREWRIGHT_DATA to another folder`,
    )
  await untilEnded(await childrenIn(folder))
  return lock
}

async function writable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await closeToOthers(folder)
    const probe = join(folder, `.writable-${process.pid}`)
    await writeFile(probe, '')
    await rm(probe)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(
      `The data folder ${folder} cannot be written (${reason}): set STOREWRIGHT_DATA to another one`,
      { cause: error },
    )
  }
}

/** It holds every tenant's stores. A folder that somebody named, and that was there, may hold what is for others too. */
async function closeToOthers(folder: string): Promise<void> {
  const { uid, mode } = await stat(folder)
  if (basename(folder) !== '.storewright' || uid !== process.getuid?.()) return
  if ((mode & 0o077) !== 0) await chmod(folder, 0o700)
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

async function childrenIn(folder: string): Promise<number[]> {
  const { stack, ...children } = await readPids(folder)
  return Object.values(children).filter((pid) => pid !== stack)
}

async function untilEnded(pids: number[]): Promise<void> {
  const giveUpAt = Date.now() + ENDING_TIMEOUT_MS
  while (pids.some(exists) && Date.now() < giveUpAt) await wait(LOOK_EVERY_MS)
}

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
export const secretIn = (file: string): string =>
  keptIn(file, () => randomBytes(24).toString('hex'))

/** The key that exports of the audit trail are signed with, kept in the same way. */
export const signingKeyIn = (file: string): string =>
  keptIn(file, () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  })

function keptIn(file: string, make: () => string): string {
  const kept = readIfThere(file)
  if (kept !== '') return kept
  const secret = make()
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
