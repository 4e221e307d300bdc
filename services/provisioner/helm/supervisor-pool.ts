import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

const program = fileURLToPath(new URL('supervisor.js', import.meta.url))
const IDLE_MS = 30_000

/** A process that runs one program at a time for this one. */
export interface Supervisor {
  say: (line: string) => void
  /** What it says, line by line; closed when it has ended. */
  lines: Interface
  kill: () => void
  /** Settles when it has ended. */
  ended: Promise<unknown>
  hasEnded: () => boolean
  /** Whether it keeps this process alive. */
  keepAlive: (alive: boolean) => void
  /** Ends it when it runs nothing. */
  dismiss: () => void
}

const idle: Supervisor[] = []

/** A supervisor that waits for its order: helm need not wait for its start, nor anybody pay for one a run. */
export function takeSupervisor(): Supervisor {
  const waiting = idle.splice(0).filter((supervisor) => !supervisor.hasEnded())
  const supervisor = waiting.pop() ?? startSupervisor()
  idle.push(...waiting)
  supervisor.keepAlive(true)
  return supervisor
}

/** Takes back one whose run has ended, or that has ended itself. After a while without work only one is left. */
export function giveBackSupervisor(supervisor: Supervisor): void {
  if (supervisor.hasEnded()) return readySupervisor()
  idle.push(supervisor)
  supervisor.keepAlive(false)
  setTimeout(() => dismissIfSpare(supervisor), IDLE_MS).unref()
}

/** Starts one ahead unless there is one. It ends with this process, whatever ends it, and does not keep it alive. */
export function readySupervisor(): void {
  if (idle.some((supervisor) => !supervisor.hasEnded())) return
  giveBackSupervisor(startSupervisor())
}

function dismissIfSpare(supervisor: Supervisor): void {
  const at = idle.indexOf(supervisor)
  if (at === -1 || idle.length === 1) return
  idle.splice(at, 1)
  supervisor.dismiss()
}

function startSupervisor(): Supervisor {
  const child = execa(process.execPath, [program], {
    detached: true,
    cleanup: false,
    reject: false,
    buffer: false,
    stdout: 'pipe',
    stderr: 'ignore',
    stdin: 'pipe',
    env: {},
    extendEnv: false,
  })
  const { stdin, stdout } = child
  stdin.on('error', () => {})
  const lines = createInterface({ input: stdout })
  let silent = false
  lines.once('close', () => (silent = true))
  return {
    say: (line) => void (stdin.writable && stdin.write(`${line}\n`)),
    lines,
    kill: () => child.kill('SIGKILL'),
    ended: child,
    hasEnded: () =>
      silent || child.pid === undefined || child.exitCode !== null || child.signalCode !== null,
    keepAlive: (alive) => {
      const how = alive ? 'ref' : 'unref'
      child[how]()
      for (const pipe of [stdin, stdout]) callOn(pipe, how)
    },
    dismiss: () => stdin.end(),
  }
}

// The pipes of a child are sockets, which their types do not say.
function callOn(pipe: object, how: 'ref' | 'unref'): void {
  const method: unknown = Reflect.get(pipe, how)
  if (typeof method === 'function') Reflect.apply(method, pipe, [])
}
