import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { giveBackSupervisor, type Supervisor, takeSupervisor } from './supervisor-pool.ts'

const GRACE_MS = 3_000

interface SupervisedCommand {
  command: string
  args: string[]
  cwd: string
  /** All the program sees of the environment. */
  env: Record<string, string>
  /** Made for this run; standard output goes there. */
  stdoutFile: string
  stdoutBytesMax: number
  /** The absolute bound of the run. */
  limitMs: number
  /** Between SIGTERM and SIGKILL of the program's process group. */
  killAfterMs: number
  /** The program ends when this process has been silent for longer. */
  heartbeatTimeoutMs: number
}

/** How long the program may live, as far as is known now. */
export interface Permission {
  signal: AbortSignal
  /** A moment of `process.hrtime`, which all processes of a machine share. */
  deadline: () => bigint
}

const endReasons = [
  'STOPPED',
  'LEASE_EXPIRED',
  'LIMIT',
  'OUTPUT_TOO_LARGE',
  'OUTPUT_FAILED',
  'DISK_FULL',
  'NOT_STARTED',
  'PROVISIONER_GONE',
  'SUPERVISOR_LOST',
] as const

const ended = z.object({
  code: z.int().nullable().default(null),
  signal: z.string().nullable().default(null),
  /** Why it was ended; absent when it ended by itself. */
  reason: z.enum(endReasons).optional(),
  /** The end of its standard error. */
  stderr: z.string().default(''),
})
const report = z.union([z.object({ started: z.int() }), z.object({ ended })])

export type Ended = z.output<typeof ended> & { durationMs: number }

/**
 * Runs a program that cannot outlive this process or its permission, and settles only when its whole
 * process group is gone. Never rejects because of what the program did: that is in the answer.
 */
export async function runSupervised(
  command: SupervisedCommand,
  permission: Permission,
): Promise<Ended> {
  const startedAt = performance.now()
  const { killAfterMs, limitMs, heartbeatTimeoutMs, ...order } = command
  const liveUntil = () => String(earlier(inMs(heartbeatTimeoutMs), permission.deadline()))
  const supervisor = takeSupervisor()
  const { say, kill } = supervisor
  const reported = readReports(supervisor)
  say(JSON.stringify({ ...order, killAfterMs, limitMs, liveUntil: liveUntil() }))
  const heart = setInterval(() => say(liveUntil()), heartbeatTimeoutMs / 6)
  const timers = [setTimeout(kill, limitMs + killAfterMs + GRACE_MS)]
  const stop = () => {
    say('stop')
    timers.push(setTimeout(kill, killAfterMs + GRACE_MS))
  }
  permission.signal.addEventListener('abort', stop, { once: true })
  if (permission.signal.aborted) stop()
  try {
    const seen = await reported
    // It kills the whole group before it says so; when it was killed itself, nobody else would.
    if (seen.ended.reason === 'SUPERVISOR_LOST' && seen.pid !== undefined) await killGroup(seen.pid)
    return { ...seen.ended, durationMs: Math.round(performance.now() - startedAt) }
  } finally {
    clearInterval(heart)
    timers.forEach(clearTimeout)
    permission.signal.removeEventListener('abort', stop)
    giveBackSupervisor(supervisor)
  }
}

/** What a supervisor says of one run; a supervisor that cannot be understood is ended. */
async function readReports({ lines, kill, ended: gone }: Supervisor) {
  let pid: number | undefined
  const { promise, resolve } = Promise.withResolvers<z.output<typeof ended>>()
  const lost = () => resolve(ended.parse({ reason: 'SUPERVISOR_LOST' }))
  const hear = (line: string) => {
    const data = parseReport(line)
    if (data === undefined) kill()
    else if ('ended' in data) resolve(data.ended)
    else pid = data.started
  }
  lines.on('line', hear)
  lines.once('close', lost)
  const seen = await promise
  lines.off('line', hear)
  lines.off('close', lost)
  if (seen.reason === 'SUPERVISOR_LOST') await gone
  return { pid, ended: seen }
}

function parseReport(line: string): z.output<typeof report> | undefined {
  try {
    return report.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}

const inMs = (ms: number): bigint => process.hrtime.bigint() + BigInt(Math.round(ms)) * 1_000_000n
const earlier = (a: bigint, b: bigint): bigint => (a < b ? a : b)

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
