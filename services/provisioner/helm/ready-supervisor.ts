import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

const program = fileURLToPath(new URL('supervisor.js', import.meta.url))

export type Supervisor = ReturnType<typeof startSupervisor>

let ready: Supervisor | undefined

/** A supervisor that waits for its order: the one that was started ahead, so that helm need not wait for its start. */
export function takeSupervisor(): Supervisor {
  const supervisor = isWaiting(ready) ? ready : startSupervisor()
  ready = undefined
  keepAlive(supervisor, true)
  return supervisor
}

/** Starts one ahead unless there is one. It ends with this process, whatever ends it, and does not keep it alive. */
export function readySupervisor(): void {
  if (isWaiting(ready)) return
  ready = startSupervisor()
  keepAlive(ready, false)
}

function isWaiting(supervisor: Supervisor | undefined): supervisor is Supervisor {
  if (supervisor?.pid === undefined) return false
  return supervisor.exitCode === null && supervisor.signalCode === null
}

function startSupervisor() {
  const supervisor = execa(process.execPath, [program], {
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
  supervisor.stdin.on('error', () => {})
  return supervisor
}

function keepAlive(supervisor: Supervisor, alive: boolean): void {
  const how = alive ? 'ref' : 'unref'
  supervisor[how]()
  for (const pipe of [supervisor.stdin, supervisor.stdout]) callOn(pipe, how)
}

// The pipes of a child are sockets, which their types do not say.
function callOn(pipe: object, how: 'ref' | 'unref'): void {
  const method: unknown = Reflect.get(pipe, how)
  if (typeof method === 'function') Reflect.apply(method, pipe, [])
}
