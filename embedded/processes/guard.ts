import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('guard.js', import.meta.url))
const guarded = new Map<number, NodeJS.Signals>()
let guard: ChildProcess | undefined

/** Has `pid` ended with `signal`, then killed, should this process die without ending it. */
export function guardProcess(pid: number, signal: NodeJS.Signals): void {
  guarded.set(pid, signal)
  if (guard === undefined) startGuard()
  else tell(`+ ${pid} ${signal}`)
}

/** To be called as soon as the process is known to have ended: its pid may be used again. */
export function releaseProcess(pid: number): void {
  guarded.delete(pid)
  tell(`- ${pid}`)
}

function startGuard(): void {
  const child = spawn(process.execPath, [program], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard = child
  child.unref()
  child.stdin.on('error', () => {})
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref()
  child.once('exit', () => {
    guard = undefined
    if (guarded.size > 0) startGuard()
  })
  for (const [pid, signal] of guarded) tell(`+ ${pid} ${signal}`)
}

function tell(line: string): void {
  guard?.stdin?.write(`${line}\n`)
}
