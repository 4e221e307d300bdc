import { chmod, cp, lstat, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** Whether everybody may enter `folder` and every folder above it. */
export async function mayBeEntered(folder: string): Promise<boolean> {
  for (let each = folder; each !== dirname(each); each = dirname(each))
    if (((await stat(each)).mode & 0o001) === 0) return false
  return true
}

/** Whether everybody may read all that `folder` holds. */
export async function isOpen(folder: string): Promise<boolean> {
  if (!(await mayBeEntered(folder))) return false
  for (const path of await entries(folder)) {
    const { mode, isLink, isFolder } = await look(join(folder, path))
    const needed = isFolder ? 0o005 : 0o004
    if (!isLink && (mode & needed) !== needed) return false
  }
  return true
}

/** Makes `folder` where it is not; one that somebody else may write to is refused. */
export async function ownFolder(folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true })
  // Whatever the umask is; what others made stays as they made it.
  if (made === folder) await chmod(folder, 0o755)
  await mustBeOurs(folder)
}

/** Copies `source` to `target` in one step, open to everybody to read; a whole copy that is there is kept. */
export async function placeCopy(source: string, target: string): Promise<string> {
  await removeLeftOvers(target)
  if (await isCopy(source, target)) return target
  const making = await mkdtemp(`${target}.making-${process.pid}-`)
  try {
    await cp(source, making, { recursive: true, verbatimSymlinks: true })
    await openToAll(making)
    await rm(target, { recursive: true, force: true })
    await rename(making, target)
  } catch (error) {
    // Another start may have made it at the same moment.
    if (!(await isCopy(source, target))) throw error
  } finally {
    await rm(making, { recursive: true, force: true })
  }
  return target
}

/** Copies that were broken off: their process is gone. */
async function removeLeftOvers(target: string): Promise<void> {
  const begin = `${basename(target)}.making-`
  for (const name of await readdir(dirname(target))) {
    if (!name.startsWith(begin)) continue
    const pid = Number(/^(\d+)-/.exec(name.slice(begin.length))?.[1] ?? 0)
    if (pid === process.pid || (pid > 0 && isAlive(pid))) continue
    await rm(join(dirname(target), name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

async function isCopy(source: string, target: string): Promise<boolean> {
  try {
    await mustBeOurs(target)
    const [wanted, present] = [await entries(source), await entries(target)]
    return wanted.join('\n') === present.join('\n') && (await isOpen(target))
  } catch {
    return false
  }
}

async function mustBeOurs(folder: string): Promise<void> {
  const { mode, isFolder, uid } = await look(folder)
  if (isFolder && uid === process.getuid?.() && (mode & 0o022) === 0) return
  throw new Error(`${folder} belongs to somebody else, or others may write to it`)
}

async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const path of await entries(folder)) {
    const { mode, isLink, isFolder } = await look(join(folder, path))
    if (!isLink) await chmod(join(folder, path), isFolder || mode & 0o100 ? 0o755 : 0o644)
  }
}

async function entries(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).toSorted()
}

async function look(path: string) {
  const found = await lstat(path)
  const { mode, uid } = found
  return { mode, uid, isLink: found.isSymbolicLink(), isFolder: found.isDirectory() }
}
