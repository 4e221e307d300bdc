import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { CGROUP } from './network.ts'

const PATIENCE_MS = 10_000
const POLL_EVERY_MS = 50

/** Creates a cgroup in every hierarchy; the node puts those of its pods below it. */
export async function makeCgroups(): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const path = join(hierarchy, CGROUP)
    await mkdir(path, { recursive: true })
    // A cgroup of version 1 has no processor and no memory until they are assigned.
    for (const name of ['cpuset.mems', 'cpuset.cpus'])
      if (existsSync(join(path, 'cpuset.memory_migrate')))
        await writeFile(join(path, name), await readFile(join(hierarchy, name)))
  }
}

/** Kills what a sandbox has left in its cgroups and removes them from every hierarchy. */
export async function removeCgroups(): Promise<void> {
  for (const hierarchy of await hierarchies()) await remove(join(hierarchy, CGROUP))
}

/** Where each hierarchy is mounted, of both versions. */
async function hierarchies(): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).trim().split('\n')
  return lines
    .filter((line) => /^cgroup2?$/.test(line.split(' - ')[1]?.split(' ')[0] ?? ''))
    .flatMap((line) => line.split(' ')[4] ?? [])
}

async function remove(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined)
  if (entries === undefined) return
  for (const entry of entries) if (entry.isDirectory()) await remove(join(path, entry.name))
  const giveUpAt = Date.now() + PATIENCE_MS
  for (;;) {
    try {
      return await rmdir(path)
    } catch (error) {
      if (isCode(error, 'ENOENT')) return
      if (Date.now() > giveUpAt) throw error
    }
    for (const pid of await pidsIn(path)) kill(pid)
    await wait(POLL_EVERY_MS)
  }
}

async function pidsIn(path: string): Promise<number[]> {
  const text = await readFile(join(path, 'cgroup.procs'), 'utf8').catch(() => '')
  return text.split('\n').filter(Boolean).map(Number)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!isCode(error, 'ESRCH')) throw error
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
