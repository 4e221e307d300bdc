import { readFile } from 'node:fs/promises'
import { execa } from 'execa'

// Linux counts in hundredths of a second, for programs, on every architecture.
const TICK_MS = 10

/**
 * Milliseconds of CPU each named process has used, with its children, ended and living, that are not named
 * themselves; NaN where the system does not say.
 */
export async function cpuOf(pids: Record<string, number>): Promise<Record<string, number>> {
  const childrenOf = await readChildren()
  const named = new Set(Object.values(pids))
  const family = (pid: number): number[] => {
    const children = (childrenOf.get(pid) ?? []).filter((child) => !named.has(child))
    return [pid, ...children.flatMap(family)]
  }
  const used = async (pid: number) => {
    const own = await usedBy(pid)
    const others = await Promise.all(family(pid).slice(1).map(usedBy))
    // One that has ended in between counts with its parent.
    return others.filter((ms) => !Number.isNaN(ms)).reduce((sum, ms) => sum + ms, own)
  }
  const entries = Object.entries(pids).map(async ([name, pid]) => [name, await used(pid)] as const)
  return Object.fromEntries(await Promise.all(entries))
}

async function readChildren(): Promise<Map<number, number[]>> {
  const { stdout } = await execa('ps', ['-A', '-o', 'pid=,ppid='], { timeout: 10_000 })
  const children = new Map<number, number[]>()
  for (const row of stdout.split('\n')) {
    const [pid = 0, parent = 0] = row.trim().split(/\s+/, 2).map(Number)
    children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  return children
}

/** With its ended children. */
async function usedBy(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // Behind the name in brackets, from the third field on: utime, stime, cutime and cstime are the 14th to 17th.
  const times = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number)
  return times.length === 4 ? times.reduce((sum, ticks) => sum + ticks, 0) * TICK_MS : Number.NaN
}
