import { readFileSync } from 'node:fs'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

const POLL_EVERY_MS = 50

/** Makes this process the only one that runs the cluster in `folder`; throws when another one does. */
export async function own(
  folder: string,
  what = `A cluster runs in ${folder} already`,
): Promise<{ release: () => Promise<void> }> {
  const file = join(folder, 'owner')
  const mine = identityOf(process.pid)
  const making = `${file}.${process.pid}`
  await writeFile(making, mine)
  try {
    while (!(await place(making, file))) {
      const found = await readFile(file, 'utf8').catch(() => '')
      if (isAlive(found)) throw new Error(`${what} (pid ${pidOf(found)})`)
      await discard(file, found)
    }
  } finally {
    await rm(making, { force: true })
  }
  return { release: () => rm(file, { force: true }) }
}

/** The process that runs the cluster in `folder`, if one does. */
export async function ownerOf(folder: string): Promise<number | undefined> {
  const found = await readFile(join(folder, 'owner'), 'utf8').catch(() => '')
  return isAlive(found) ? pidOf(found) : undefined
}

/** Sends `signal` to the process that runs the cluster; false when it still runs after that time. */
export async function endOwner(folder: string, signal: NodeJS.Signals, timeoutMs: number) {
  const pid = await ownerOf(folder)
  if (pid === undefined) return true
  process.kill(pid, signal)
  const giveUpAt = Date.now() + timeoutMs
  while (Date.now() < giveUpAt) {
    if ((await ownerOf(folder)) !== pid) return true
    await wait(POLL_EVERY_MS)
  }
  return false
}

async function place(making: string, file: string): Promise<boolean> {
  return link(making, file).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    },
  )
}

// Moved aside and read again: another process may just have put its own file there.
async function discard(file: string, stale: string): Promise<void> {
  const aside = `${file}.${process.pid}.stale`
  await rename(file, aside).catch(() => {})
  const moved = await readFile(aside, 'utf8').catch(() => stale)
  if (moved !== stale) await link(aside, file).catch(() => {})
  await rm(aside, { force: true })
}

function isAlive(owner: string): boolean {
  const pid = pidOf(owner)
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
  }
  return identityOf(pid) === owner
}

function pidOf(owner: string): number {
  return Number(owner.split(' ')[0])
}

/** The pid and, where the system reports it, the start time, since pids are reused. Empty for a dead process. */
export function identityOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? '' : `${pid} ${fields[19]}`
  } catch {
    return `${pid}`
  }
}
