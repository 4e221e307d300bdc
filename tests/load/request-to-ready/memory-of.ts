import { execa } from 'execa'

interface Row {
  pid: number
  parent: number
  mebibytes: number
}

/** Resident memory of each named process, with that of PostgreSQL's own children; in MiB. */
export async function memoryOf(pids: Record<string, number>): Promise<Record<string, number>> {
  const { stdout } = await execa('ps', ['-A', '-o', 'pid=,ppid=,rss='], { timeout: 10_000 })
  const rows = stdout.split('\n').map(rowOf)
  const own = (pid: number) => rows.find((row) => row.pid === pid)?.mebibytes ?? 0
  const children = (pid: number) => rows.filter(({ parent }) => parent === pid)
  const total = (name: string, pid: number) =>
    name === 'postgres'
      ? children(pid).reduce((sum, { mebibytes }) => sum + mebibytes, own(pid))
      : own(pid)
  return Object.fromEntries(
    Object.entries(pids).map(([name, pid]) => [name, Math.round(total(name, pid))]),
  )
}

function rowOf(line: string): Row {
  const [pid = 0, parent = 0, kibibytes = 0] = line.trim().split(/\s+/).map(Number)
  return { pid, parent, mebibytes: kibibytes / 1024 }
}
