import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PREFIX = 'storewright-helm-'
/** In a container every life of the process has the same pid: the moment it began tells them apart. */
const life = Math.round(performance.timeOrigin)

/** A folder for this process alone, mode 0700; those of processes that are gone are removed. */
export async function openWorkFolder(): Promise<AsyncDisposable & { path: string }> {
  await removeLeftOvers()
  const path = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-${life}-`))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

async function removeLeftOvers(): Promise<void> {
  for (const name of await readdir(tmpdir()))
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
