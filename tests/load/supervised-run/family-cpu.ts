import { execa } from 'execa'
import { cpuOf } from '../request-to-ready/cpu-of.ts'

/** Milliseconds of CPU used by this process, its children, and all that have ended under them. */
export async function familyCpuMs(): Promise<number> {
  const { stdout } = await execa('ps', ['-A', '-o', 'pid=,ppid='], { timeout: 10_000 })
  const rows = stdout.split('\n').map((row) => row.trim().split(/\s+/, 2).map(Number))
  const family = rows.flatMap(([pid = 0, parent]) =>
    parent === process.pid || pid === process.pid ? [pid] : [],
  )
  const used = await cpuOf(Object.fromEntries(family.map((pid) => [String(pid), pid])))
  return Object.values(used)
    .filter((ms) => !Number.isNaN(ms))
    .reduce((sum, ms) => sum + ms, 0)
}
