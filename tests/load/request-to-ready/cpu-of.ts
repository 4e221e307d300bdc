import { readFile } from 'node:fs/promises'

// Linux counts in hundredths of a second, for programs, on every architecture.
const TICK_MS = 10

/** Milliseconds of CPU each named process has used, with its ended children; NaN where the system does not say. */
export async function cpuOf(pids: Record<string, number>): Promise<Record<string, number>> {
  const entries = Object.entries(pids).map(
    async ([name, pid]) => [name, await usedBy(pid)] as const,
  )
  return Object.fromEntries(await Promise.all(entries))
}

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
