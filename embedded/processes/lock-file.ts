import { closeSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { FatalError } from '../eventstore/fatal-error.ts'

/** Keeps a second server away from a data folder. A lock whose process has died is taken over. */
export function lockFolder(dataDir: string): { release: () => void } {
  const path = join(dataDir, 'lock')
  const owner = identityOf(process.pid)
  while (!create(path, owner)) {
    const found = readOwner(path)
    if (found !== undefined && isAlive(found))
      throw new FatalError(
        `The data folder ${dataDir} is in use by the event store with pid ${pidOf(found)}. Stop it first.`,
      )
    removeStale(path, found)
  }
  return {
    release: () => {
      if (readOwner(path) === owner) rmSync(path, { force: true })
    },
  }
}

function create(path: string, owner: string): boolean {
  const own = `${path}.${process.pid}`
  const fd = openSync(own, 'w', 0o600)
  writeSync(fd, owner)
  closeSync(fd)
  try {
    linkSync(own, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  } finally {
    rmSync(own, { force: true })
  }
}

/** Another server may have replaced the stale lock in the meantime: what was moved is looked at again. */
function removeStale(path: string, stale: string | undefined): void {
  if (stale === undefined) return
  const aside = `${path}.${process.pid}.stale`
  try {
    renameSync(path, aside)
    if (readOwner(aside) !== stale) linkSync(aside, path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  } finally {
    rmSync(aside, { force: true })
  }
}

function readOwner(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function isAlive(owner: string): boolean {
  const pid = pidOf(owner)
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false
  }
  return identityOf(pid) === owner
}

function pidOf(owner: string): number {
  return Number(owner.split(' ')[0])
}

/** The pid and, where the system tells, when it started: pids are used again. A zombie counts as dead. */
function identityOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? '' : `${pid} ${fields[19]}`
  } catch {
    return `${pid}`
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
