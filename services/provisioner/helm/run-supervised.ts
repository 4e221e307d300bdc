import { z } from 'zod'
import { killGroup } from './kill-group.ts'
import { readySupervisor, takeSupervisor } from './ready-supervisor.ts'

const GRACE_MS = 3_000

export interface SupervisedCommand {
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
  /** The program ends when nothing was heard of this process for so long. */
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
  'LICENCE_ENDED',
  'LIMIT',
  'OUTPUT_TOO_LARGE',
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
  const say = (line: string) => supervisor.stdin.writable && supervisor.stdin.write(`${line}\n`)
  say(JSON.stringify({ ...order, killAfterMs, limitMs, liveUntil: liveUntil() }))
  const heart = setInterval(() => say(liveUntil()), heartbeatTimeoutMs / 6)
  const killSupervisor = () => supervisor.kill('SIGKILL')
  const timers = [setTimeout(killSupervisor, limitMs + killAfterMs + GRACE_MS)]
  const stop = () => {
    say('stop')
    timers.push(setTimeout(killSupervisor, killAfterMs + GRACE_MS))
  }
  permission.signal.addEventListener('abort', stop, { once: true })
  if (permission.signal.aborted) stop()
  try {
    const seen = await readReports(supervisor.iterable())
    await supervisor
    // It kills the whole group as its last act; when it was killed itself, nobody else would.
    if (seen.ended.reason === 'SUPERVISOR_LOST' && seen.pid !== undefined) await killGroup(seen.pid)
    return { ...seen.ended, durationMs: Math.round(performance.now() - startedAt) }
  } finally {
    clearInterval(heart)
    timers.forEach(clearTimeout)
    permission.signal.removeEventListener('abort', stop)
    // Only now: while helm starts, nothing should take the processor from it.
    readySupervisor()
  }
}

async function readReports(lines: AsyncIterable<string>) {
  let pid: number | undefined
  for await (const line of lines) {
    const parsed = report.parse(JSON.parse(line))
    if ('ended' in parsed) return { pid, ended: parsed.ended }
    pid = parsed.started
  }
  return { pid, ended: ended.parse({ reason: 'SUPERVISOR_LOST' }) }
}

const inMs = (ms: number): bigint => process.hrtime.bigint() + BigInt(Math.round(ms)) * 1_000_000n
const earlier = (a: bigint, b: bigint): bigint => (a < b ? a : b)
