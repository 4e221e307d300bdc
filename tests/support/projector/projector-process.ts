import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { freezeProcess } from '../freeze-process.ts'
import { guardProcess, releaseProcess } from '../../../embedded/processes/guard.ts'

const main = fileURLToPath(new URL('../../../services/projector/main.ts', import.meta.url))
const line = z.looseObject({ msg: z.string(), url: z.string().optional() })

type LogLine = z.output<typeof line>

/** The projector as a process of its own, started by its main.ts; ended with the test. */
export async function projectorProcess(env: Record<string, string>) {
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env['PATH'], PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (child.pid !== undefined) guardProcess(child.pid, 'SIGKILL')
  const exited = once(child, 'exit').finally(() => releaseProcess(child.pid ?? 0))
  let said = ''
  child.stderr.on('data', (text: Buffer) => (said += text.toString()))
  const lines: LogLine[] = []
  const listening = Promise.withResolvers<string>()
  createInterface({ input: child.stdout }).on('line', (text) => {
    const parsed = line.parse(JSON.parse(text))
    lines.push(parsed)
    if (parsed.msg === 'listening' && parsed.url !== undefined) listening.resolve(parsed.url)
  })
  void exited.then(([code]) =>
    listening.reject(new Error(`the projector ended with ${code}: ${said}`)),
  )
  listening.promise.catch(() => {})
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    const [code]: unknown[] = await exited
    return code
  }
  return {
    /** Everything it has logged so far. */
    lines,
    url: () => listening.promise,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    freeze: () => freezeProcess(child.pid ?? 0),
    thaw: () => child.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      await end('SIGKILL')
    },
  }
}
