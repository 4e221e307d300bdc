import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '#domain'

const PREFIX = 'storewright-helm-'
/** In a container every life of the process has the same pid: the moment it began tells them apart. */
const life = Math.round(performance.timeOrigin)

/** A folder for this process alone, mode 0700; those of processes that are gone are removed. Throws CONFIG_INVALID. */
export async function openWorkFolder(): Promise<AsyncDisposable & { path: string }> {
  await removeLeftOvers()
  const path = await makeFolder()
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** The folder of temporary files cannot be used: the message names it and the variable it comes from. */
export function unusableFolder(folder: string, why: string): AppError {
  const message =
    `The folder for temporary files cannot be used: ${folder} (TMPDIR): ${why.trim()}. ` +
    'Free space there, or set TMPDIR to a folder that this user may write to and run programs from'
  return new AppError('CONFIG_INVALID', message)
}

async function makeFolder(): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-${life}-`))
  } catch (error) {
    throw unusableFolder(tmpdir(), error instanceof Error ? error.message : String(error))
  }
}

async function removeLeftOvers(): Promise<void> {
  for (const name of await readdir(tmpdir()).catch(() => []))
    if (isLeftOver(name))
      await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => {})
}

function isLeftOver(name: string): boolean {
  if (!name.startsWith(PREFIX)) return false
  const [pid, began] = name.slice(PREFIX.length).split('-').map(Number)
  if (pid === undefined || !Number.isInteger(pid) || pid <= 0) return false
  return pid === process.pid ? began !== life : !isAlive(pid)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // Another user's process lives too.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
