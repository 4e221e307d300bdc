import { readFileSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { readPids } from './pids.ts'

const ENDING_TIMEOUT_MS = 15_000
const LOOK_EVERY_MS = 100
const claim = z.object({ pid: z.int(), startedAt: z.string().optional() })

/**
 * Makes the data folder this process's own until it ends; a folder in use, or one that cannot be
 * written, is refused. After a stack that was killed it waits for the children to end themselves.
 */
export async function claimFolder(folder: string): Promise<{ release: () => Promise<void> }> {
  const file = join(folder, 'stack.lock')
  await writable(folder)
  const holder = await readClaim(file)
  if (holder && isRunning(holder))
    throw new Error(
      `The data folder ${folder} is in use by process ${holder.pid}: stop that one, or set STOREWRIGHT_DATA to another folder`,
    )
  await rm(file, { force: true })
  const mine = { pid: process.pid, startedAt: startOf(process.pid) }
  await writeFile(file, JSON.stringify(mine), { flag: 'wx' })
  if (holder) await untilEnded(await childrenIn(folder))
  return { release: () => rm(file, { force: true }) }
}

async function writable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
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

async function readClaim(file: string): Promise<z.output<typeof claim> | undefined> {
  try {
    return claim.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return undefined
  }
}

// A pid alone may meanwhile belong to another process.
function isRunning({ pid, startedAt }: z.output<typeof claim>): boolean {
  return exists(pid) && (startedAt === undefined || startOf(pid) === startedAt)
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** When the kernel started it, in its own ticks; only Linux tells. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
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
