import { readFile } from 'node:fs/promises'
import { execa } from 'execa'

// Linux counts in hundredths of a second, for programs, on every architecture.
const TICK_MS = 10

/** Milliseconds of CPU a process has used itself, and its children that have ended; NaN where the system does not say. */
export async function cpuTimes(pid: number): Promise<{ own: number; endedChildren: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // Behind the name in brackets, from the third field on: utime, stime, cutime and cstime are the 14th to 17th.
  const times = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
  const [user = Number.NaN, system = Number.NaN, endedUser = Number.NaN, endedSystem = Number.NaN] =
    times.map((ticks) => Number(ticks) * TICK_MS)
  return { own: user + system, endedChildren: endedUser + endedSystem }
}

/** The living children of every process, by its pid. */
export async function livingChildren(): Promise<Map<number, number[]>> {
  const { stdout } = await execa('ps', ['-A', '-o', 'pid=,ppid='], { timeout: 10_000 })
  const children = new Map<number, number[]>()
  for (const row of stdout.split('\n')) {
    const [pid = 0, parent = 0] = row.trim().split(/\s+/, 2).map(Number)
    children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  return children
}
