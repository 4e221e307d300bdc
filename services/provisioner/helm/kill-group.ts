import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'

const LOOK_EVERY_MS = 100

/**
 * Kills a process group whose parent is gone, and settles when none of it can do anything any more.
 * What has ended but is reaped by nobody, as in a container without an init, counts as gone.
 */
export async function killGroup(group: number): Promise<void> {
  while (sendKill(group)) {
    if (await allAreZombies(group)) return
    await wait(LOOK_EVERY_MS)
  }
}

function sendKill(group: number): boolean {
  try {
    return process.kill(-group, 'SIGKILL')
  } catch {
    return false
  }
}

/** From Linux's /proc; where there is none, false. */
async function allAreZombies(group: number): Promise<boolean> {
  const processes = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  const states = await Promise.all(processes.map((pid) => stateIn(group, pid)))
  const members = states.filter((state) => state !== undefined)
  return members.length > 0 && members.every((state) => state === 'Z' || state === 'X')
}

/** `pid (name) state ppid pgrp …`; the name may hold anything. */
async function stateIn(group: number, pid: string): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const [state, , memberOf] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(memberOf) === group ? state : undefined
}
