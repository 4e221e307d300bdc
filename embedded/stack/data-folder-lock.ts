import { chmod, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { takeLock } from '../processes/lock-file.js'
import { readPids } from './status-files.ts'

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
