import { cpuTimes, livingChildren } from './cpu-times.ts'

/**
 * Milliseconds of CPU each named process has used, with its children, ended and living, that are not named
 * themselves; NaN where the system does not say.
 */
export async function cpuOf(pids: Record<string, number>): Promise<Record<string, number>> {
  const childrenOf = await livingChildren()
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

async function usedBy(pid: number): Promise<number> {
  const { own, endedChildren } = await cpuTimes(pid)
  return own + endedChildren
}
